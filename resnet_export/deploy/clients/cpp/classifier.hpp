// The network in OpenVINO, on the CPU.

#pragma once

#include <fstream>
#include <openvino/openvino.hpp>

#include "prepare.hpp"

inline json read_json(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("There is no " + path + ": run this in the folder of the bundle");
  return json::parse(file);
}

struct Classifier {
  json config = read_json("deploy.json");
  ov::InferRequest request;

  // Opens a network of the bundle; without a name, its first.
  explicit Classifier(std::string model = "") {
    if (model.empty()) model = config["artefacts"].begin().key();
    const auto exactly = ov::hint::inference_precision(ov::element::f32);  // else bfloat16 where the CPU has it
    request = ov::Core().compile_model(model, "CPU", exactly).create_infer_request();
  }

  // The picture in a file as the network is given it, but for the normalisation.
  Picture prepared(const std::string& path) const {
    return prepare(decode(path, config["input"]["channels"]), config);
  }

  // What the network gives for a prepared picture: a number for each class.
  std::vector<double> scores(const Picture& picture) {
    const json& input = config["input"];
    const size_t batch = input["batch"].is_null() ? 1 : size_t(input["batch"]), channels = picture.channels;
    const size_t height = picture.height, width = picture.width, length = picture.data.size();
    ov::Tensor given = request.get_tensor(std::string(input["name"]));
    given.set_shape(input["layout"] == "nchw" ? ov::Shape{batch, channels, height, width}
                                              : ov::Shape{batch, height, width, channels});
    for (size_t at = 0; at < batch; at++) {
      if (input["dtype"] == "uint8") write_input(picture, config, given.data<uint8_t>() + at * length);
      else write_input(picture, config, given.data<float>() + at * length);
    }
    request.infer();
    const ov::Tensor output = request.get_tensor(std::string(config["output"]["name"]));
    const float* first = output.data<float>();
    return {first, first + output.get_size() / batch};
  }
};
