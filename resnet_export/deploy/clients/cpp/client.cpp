// Classifies pictures, and prints the five most probable classes of each: build/client cat.jpg dog.png
//
// How the pictures are prepared, and what the network takes and gives, stands in deploy.json.

#include <cstdio>
#include <iostream>
#include <numeric>

#include "classifier.hpp"

int main(int count, char** arguments) try {
  if (count < 2) {
    std::cerr << "Give pictures: build/client cat.jpg\n";
    return 2;
  }
  Classifier classifier;
  std::vector<std::string> labels;
  std::ifstream file("labels.txt");
  for (std::string label; std::getline(file, label);) labels.push_back(label);
  for (int at = 1; at < count; at++) {
    const auto found = probabilities(classifier.scores(classifier.prepared(arguments[at])), classifier.config);
    std::vector<int> order(found.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return found[a] > found[b]; });
    order.resize(std::min<size_t>(order.size(), 5));
    for (int index : order) std::printf("%.4f  %s  %s\n", found[index], labels[index].c_str(), arguments[at]);
  }
} catch (const std::exception& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
