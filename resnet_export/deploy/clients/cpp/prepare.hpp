// From a picture file to the pixels and numbers that the network takes, and from what it gives to probabilities.

#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <opencv2/imgcodecs.hpp>
#include <stdexcept>

#include "resize.hpp"

using json = nlohmann::ordered_json;

// The picture in a file, upright, as bytes in RGB or grey.
inline Picture decode(const std::string& path, int channels) {
  const cv::Mat_<cv::Vec3b> image = cv::imread(path, cv::IMREAD_COLOR);
  if (image.empty()) throw std::runtime_error(path + " is no picture that can be read");
  Picture made{image.cols, image.rows, channels, std::vector<unsigned char>(image.total() * channels)};
  auto target = made.data.begin();
  for (const cv::Vec3b& pixel : image) {
    const auto& [b, g, r] = pixel.val;
    if (channels == 1) *target++ = (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;  // the grey of Pillow
    else target = std::reverse_copy(pixel.val, pixel.val + 3, target);
  }
  return made;
}

// Resizes and crops a picture as deploy.json says.
inline Picture prepare(const Picture& picture, const json& config) {
  const json& how = config["preparation"];
  const int resize = how["resize"], side = how["crop"], shorter = std::min(picture.width, picture.height);
  const bool squashed = how["aspect"] == "squashed";
  const auto scaled = [&](long length) { return int(resize * length / (squashed ? length : shorter)); };
  const auto whole = [&](double half) { return int(how["half"] == "down" ? std::floor(half) : std::nearbyint(half)); };
  const int width = scaled(picture.width), height = scaled(picture.height);
  const Square box{whole((width - side) / 2.0), whole((height - side) / 2.0), side};
  return resize_and_crop(picture, width, height, box, how["interpolation"], how["columns_first"]);
}

// Writes the numbers of a prepared picture as the network takes them.
template <typename Number>
void write_input(const Picture& picture, const json& config, Number* target) {
  const json &input = config["input"], &how = config["preparation"];
  const bool normalises = input["embedded"] == "none", flips = normalises && how["bgr"];
  const bool planes = input["layout"] == "nchw";
  const size_t channels = picture.channels, size = picture.data.size() / channels;
  for (size_t channel = 0; channel < channels; channel++) {
    const double mean = how["mean"][channel], std = how["std"][channel];
    for (size_t at = 0; at < size; at++) {
      const double pixel = picture.data[at * channels + (flips ? channels - 1 - channel : channel)];
      const double value = normalises ? (pixel / 255 - mean) / std : pixel;
      target[planes ? channel * size + at : at * channels + channel] = Number(value);
    }
  }
}

// The probability of each class.
inline std::vector<double> probabilities(std::vector<double> scores, const json& config) {
  const json& activation = config["output"]["activation"];
  if (activation == "sigmoid")
    for (double& score : scores) score = 1 / (1 + std::exp(-score));
  if (activation != "softmax") return scores;
  const double largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (double& score : scores) sum += score = std::exp(score - largest);
  for (double& score : scores) score /= sum;
  return scores;
}
