// Answers the pictures in golden/: exit code 0 where all answers are right, else 1.
//
// With --json it prints what it found instead, for another program: prepared pixels, scores, times and memory.
// --model names another network of the folder.

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <zlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>

#include "classifier.hpp"

std::string digest(const Picture& picture) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(picture.data.data(), picture.data.size(), hash);
  char text[2 * sizeof hash + 1];
  for (size_t at = 0; at < sizeof hash; at++) std::snprintf(text + 2 * at, 3, "%02x", hash[at]);
  return text;
}

// In base64, and compressed with zlib.
std::string packed(const Picture& picture) {
  uLongf size = compressBound(picture.data.size());
  std::vector<unsigned char> bytes(size);
  compress(bytes.data(), &size, picture.data.data(), picture.data.size());
  std::string text(4 * ((size + 2) / 3) + 1, '\0');
  text.resize(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), size));
  return text;
}

// Whether it is the answer that it should be: all scores where the pixels are known, else the best class.
bool is_right(const std::vector<double>& scores, const Picture& picture, const json& wanted, double bound) {
  if (digest(picture) == wanted["pixels"]) {
    for (size_t at = 0; at < scores.size(); at++)
      if (!(std::abs(scores[at] - double(wanted["scores"][at])) <= bound)) return false;
    return true;
  }
  const int best = std::max_element(scores.begin(), scores.end()) - scores.begin();
  return !wanted["decided"] || (scores.size() > 1 ? best : scores[0] > 0) == wanted["top1"];
}

int check(Classifier& classifier, const std::string& model) {
  const json golden = read_json("golden/golden.json");
  std::string wrong;
  int count = 0;
  for (const auto& [name, wanted] : golden["pictures"].items()) {
    const Picture picture = classifier.prepared("golden/" + name);
    if (is_right(classifier.scores(picture), picture, wanted, golden["bounds"].at(model))) continue;
    wrong += " " + name;
    count++;
  }
  std::cout << golden["pictures"].size() << " pictures, " << count << " wrong answers" << wrong << "\n";
  return count;
}

// The most memory of this process so far, in MB. getrusage's begins with what the parent had.
json peak_mb() {
  std::ifstream status("/proc/self/status");
  double kib;
  for (std::string word; status >> word;)
    if (word == "VmHWM:" && status >> kib) return kib * 1024 / 1e6;
  return nullptr;
}

json found(Classifier& classifier) {
  std::set<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator("golden"))
    if (file.path().extension() != ".json") names.insert(file.path().filename());
  json answers, times;
  for (const std::string& name : names) {
    const Picture picture = classifier.prepared("golden/" + name);
    const json shape{picture.height, picture.width, picture.channels};
    answers[name] = {{"shape", shape}, {"pixels", packed(picture)}, {"scores", classifier.scores(picture)}};
  }
  for (int left = classifier.config["runs"]; left > 0; left--) {
    const auto start = std::chrono::steady_clock::now();
    classifier.request.infer();
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  const std::string build = ov::get_openvino_version().buildNumber;
  const std::string runtime = "openvino " + build.substr(0, build.find('-')) + ", OpenCV " CV_VERSION;
  return {{"runtime", runtime}, {"answers", answers}, {"ms", times}, {"peak_mb", peak_mb()}};
}

int main(int count, char** arguments) try {
  std::string model = read_json("deploy.json")["artefacts"].begin().key();
  bool as_json = false;
  for (int at = 1; at < count; at++) {
    const std::string option = arguments[at];
    if (option == "--json") as_json = true;
    else if (option == "--model" && at + 1 < count) model = arguments[++at];
    else throw std::runtime_error("Options: --json, --model FILE");
  }
  Classifier classifier(model);
  if (!as_json) return check(classifier, model) > 0;
  std::cout << found(classifier) << "\n";
} catch (const std::exception& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
