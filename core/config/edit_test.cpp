// A running pipeline's document, edited for a swap.
#include "config/edit.hpp"

#include "config/changes.hpp"
#include "config/reading_test.hpp"

#include <doctest/doctest.h>

#include <string>

namespace sluice::config::edit_test {

namespace {

pipeline_spec running() { return *fakes::read(fakes::design).pipeline; }

load_result read(const stage_edit& edit) {
  return load_document(edited(running(), edit, fakes::find), "ticker.toml", fakes::find,
                       fakes::test_environment());
}

std::string told(const stage_edit& edit) {
  const load_result after = read(edit);
  if (!after.pipeline) return fakes::lines(after.errors);
  const comparison found = compare(running(), *after.pipeline);
  std::string text;
  for (const stage_change& each : found.changes)
    text += std::string{change_name(each.what)} + " " + each.stage + ": " + each.text + "\n";
  for (const std::string& each : found.restarts) text += "! " + each + "\n";
  return text;
}

std::string refusal(const stage_edit& edit) {
  try {
    edited(running(), edit, fakes::find);
  } catch (const std::runtime_error& why) {
    return why.what();
  }
  return "";
}

}  // namespace

TEST_CASE("edit: a value of a stage, as TOML or else as text") {
  CHECK(told({"adaptive_sampler", "", {"warning=0.75"}}) ==
        "reconfigure adaptive_sampler: warning 0.8 -> 0.75\n");
  CHECK(told({"kite_source", "", {"mode = ltp", "instruments=[\"1\"]"}}) ==
        "swap kite_source: instruments changed, mode \"quote\" -> \"ltp\"\n");
  CHECK(told({"kite_source", "", {"mode=\"ltp\""}}) ==
        "swap kite_source: mode \"quote\" -> \"ltp\"\n");
  CHECK(told({"redis", "", {"timeout=2s"}}) == "swap redis: timeout \"1s\" -> \"2s\"\n");
  CHECK(told({"http_admin", "", {}}) == "");
}

TEST_CASE("edit: the same plugin keeps its keys, another one the host's alone") {
  CHECK(told({"kite_source", "kite_source", {}}) == "");
  // Its name stays, and api_key would be refused if it did.
  CHECK(told({"kite_source", "replay", {"file=ticks.kr"}}) ==
        "swap kite_source: plugin kite_source 1.2.3 -> replay 1.0.0\n");
}

TEST_CASE("edit: what cannot be is said with what can") {
  CHECK(refusal({"adaptive_sampler", "", {"warning"}}) == "\"warning\" is not key=value");
  CHECK(refusal({"adaptive_sampler", "", {"a b=1"}}) == "\"a b=1\": \"a b\" is not a key");
  CHECK(refusal({"adaptive_sampler", "", {"a.b=1\nc=2"}}) ==
        "\"a.b=1\\x0ac=2\": \"a.b\" is not a key");
  CHECK(refusal({"adaptive_sampler", "", {"name=x"}}) ==
        "name: what a stage is and is called is not set with key=value");
  CHECK(refusal({"adaptive_smapler", "", {}}) ==
        "there is no stage \"adaptive_smapler\"; did you mean \"adaptive_sampler\"?");
  CHECK(refusal({"redis", "adaptive_sampler", {}}) ==
        "a swap keeps the kind: \"redis\" is a sink, \"adaptive_sampler\" a transform");
  CHECK(refusal({"redis", "no_such", {}}).find("no_such") != std::string::npos);
  CHECK(told({"adaptive_sampler", "", {"warning=2"}}) ==
        "ticker.toml: warning: must be between 0 and 1, is 2\n");
}

}  // namespace sluice::config::edit_test
