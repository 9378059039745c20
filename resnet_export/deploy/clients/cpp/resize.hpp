// The resize of Pillow to the last bit: a separable filter, antialiased, in integers with 22 bits behind the point.

#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

struct Picture {
  int width, height, channels;
  std::vector<unsigned char> data;  // row by row
};

struct Square {
  int left, top, side;
};

struct Filter {
  double reach;
  double (*weight)(double);
};

inline double sinc(double x) { return x == 0 ? 1 : std::sin(M_PI * x) / (M_PI * x); }
inline Filter filter_of(const std::string& name) {
  if (name == "bilinear") return {1, [](double x) { return std::max(0.0, 1 - std::abs(x)); }};
  if (name == "lanczos") return {3, [](double x) { return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0; }};
  return {2, [](double x) {  // bicubic
            x = std::abs(x);
            if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
            return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
          }};
}

// The first value that counts for a place, and the weight of it and the next ones.
struct Weights {
  int first;
  std::vector<int> fixed;
};

constexpr int BITS = 32 - 8 - 2;

inline Weights weights(const Filter& filter, int length, int wanted, int place) {
  const double scale = double(length) / wanted, stretch = std::max(scale, 1.0), reach = filter.reach * stretch;
  const double centre = (place + 0.5) * scale, inverse = 1 / stretch;
  const int first = std::max(int(centre - reach + 0.5), 0), end = std::min(int(centre + reach + 0.5), length);
  std::vector<double> real;
  double sum = 0;
  for (int at = first; at < end; at++) sum += real.emplace_back(filter.weight((at - centre + 0.5) * inverse));
  Weights made{first, {}};
  for (double value : real) made.fixed.push_back(int(value / sum * (1 << BITS) + (value < 0 ? -0.5 : 0.5)));
  return made;
}

// Resizes one axis to `wanted` values, of which `count` from `start` on are computed.
inline Picture along(const Picture& picture, bool across, const Filter& filter, int wanted, int start, int count) {
  const auto& [width, height, channels, data] = picture;
  if (wanted == (across ? width : height) && count == wanted) return picture;
  Picture made{across ? count : width, across ? height : count, channels, {}};
  made.data.resize(size_t(made.width) * made.height * channels);
  const size_t row = size_t(width) * channels, made_row = size_t(made.width) * channels, pixel = channels;
  const size_t line = across ? row : pixel, step = across ? pixel : row;
  const size_t made_line = across ? made_row : pixel, made_step = across ? pixel : made_row;
  std::vector<Weights> table;
  for (int at = 0; at < count; at++) table.push_back(weights(filter, across ? width : height, wanted, start + at));
  for (int at = 0; at < (across ? height : width); at++)
    for (int place = 0; place < count; place++)
      for (int channel = 0; channel < channels; channel++) {
        const auto& [first, fixed] = table[place];
        const unsigned char* value = &data[at * line + first * step + channel];
        int sum = 1 << (BITS - 1);
        for (size_t k = 0; k < fixed.size(); k++) sum += value[k * step] * fixed[k];
        made.data[at * made_line + place * made_step + channel] = std::clamp(sum >> BITS, 0, 255);
      }
  return made;
}

inline Picture nearest(const Picture& picture, int width, int height, Square box) {
  const auto places = [](int length, int wanted) {
    std::vector<int> found;
    const double step = double(length) / wanted;
    for (double x = step * 0.5; int(found.size()) < wanted; x += step) found.push_back(int(x));
    return found;
  };
  const auto across = places(picture.width, width), down = places(picture.height, height);
  Picture made{box.side, box.side, picture.channels, {}};
  for (int y = box.top; y < box.top + box.side; y++)
    for (int x = box.left; x < box.left + box.side; x++) {
      const auto pixel = picture.data.begin() + (size_t(down[y]) * picture.width + across[x]) * picture.channels;
      made.data.insert(made.data.end(), pixel, pixel + picture.channels);
    }
  return made;
}

// Resizes a picture, and cuts a square out of it: only what is in the square is computed.
inline Picture resize_and_crop(const Picture& picture, int width, int height, Square box,
                               const std::string& interpolation, bool columns_first) {
  if (interpolation == "nearest") return nearest(picture, width, height, box);
  const Filter filter = filter_of(interpolation);
  const auto across = [&](const Picture& one) { return along(one, true, filter, width, box.left, box.side); };
  const auto down = [&](const Picture& one) { return along(one, false, filter, height, box.top, box.side); };
  const int less = picture.height - height;
  const bool down_first = columns_first && less > 0 && less > 2 * (picture.width - width);
  return down_first ? across(down(picture)) : down(across(picture));
}
