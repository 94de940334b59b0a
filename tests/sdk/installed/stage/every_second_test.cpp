#include "every_second.hpp"

#include <sluice/testing.hpp>

#include <cstdlib>

int main() {
  sluice::testing::harness run{sluice::plugin_of<every_second>, "first = false"};
  run.push({{.text = "a"}, {.text = "b"}, {.text = "c"}, {.text = "d"}});
  const auto out = run.outputs();
  const bool fine = out.size() == 2 && out[0].text == "b" && out[1].text == "d" && run.balanced();
  return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
