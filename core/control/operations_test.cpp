// Commands of a running pipeline: taken on one thread, done on another, each with an end.
#include "control/operations.hpp"

#include <doctest/doctest.h>
#include <boost/json.hpp>

#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace sluice::control;
namespace json = boost::json;

std::string refusal_of(operations& on, std::string_view request) {
  try {
    on.take(request, "test");
  } catch (const std::runtime_error& why) {
    return why.what();
  }
  return "";
}

std::string state_of(const operations& on, std::uint64_t number) {
  const json::value row = json::parse(on.one(number));
  return std::string{row.at("state").as_string()};
}

TEST_CASE("a command is done by the next run, and told of") {
  operations all;
  std::vector<std::string> told;
  std::string done;
  int woken = 0;
  all.add("dance", "\"steps\"", [&](const json::object& given) {
    done += given.at("steps").as_string();
    return "danced";
  });
  all.when_taken([&] { ++woken; });
  all.when_ended(
      [&](std::uint64_t number, std::string_view name, std::string_view by, const outcome& how) {
        told.push_back(std::to_string(number) + " " + std::string{name} + " " + std::string{by} +
                       " " + (how.done ? "done: " : "failed: ") + how.text);
      });
  CHECK(all.take(R"({"do": "dance", "steps": "one"})", "web") == 1);
  CHECK(all.take(R"({"do": "dance"})", "web") == 2);
  CHECK(woken == 2);
  CHECK(done == "");
  CHECK(state_of(all, 1) == "waiting");
  all.run();
  CHECK(done == "one");
  CHECK(state_of(all, 1) == "done");
  CHECK(all.one(1) ==
        R"({"number":1,"do":"dance","by":"web","state":"done","result":"danced","receipt":null})");
  REQUIRE(told.size() == 2);
  CHECK(told[0] == "1 dance web done: danced");
  CHECK(told[1].starts_with("2 dance web failed: "));
  const json::value document = json::parse(all.document(1));
  REQUIRE(document.at("operations").as_array().size() == 1);
  CHECK(document.at("operations").at(0).at("state").as_string() == "failed");
}

TEST_CASE("what is no command is refused, naming those there are") {
  operations all;
  all.add("dance", "", [](const json::object&) { return ""; });
  all.add("sing", "", [](const json::object&) { return ""; });
  CHECK(refusal_of(all, "dance") == "the command is not a JSON object as {\"do\": \"breaker\"}");
  CHECK(refusal_of(all, "[]") == "the command is not a JSON object as {\"do\": \"breaker\"}");
  CHECK(refusal_of(all, "{}") == "there is nothing called \"\" to do; there are dance, sing");
  CHECK(refusal_of(all, R"({"do": "jump"})") ==
        "there is nothing called \"jump\" to do; there are dance, sing");
  CHECK(all.document(0) == R"({"operations":[]})");
}

TEST_CASE("a long one goes on, ends once, and is not forgotten before") {
  operations all;
  operations::finish end;
  all.add_long("march", "", [&](const json::object&, operations::finish later) { end = later; });
  all.add("dance", "", [](const json::object&) { return ""; });
  int ends = 0;
  all.when_ended([&](std::uint64_t number, std::string_view, std::string_view, const outcome&) {
    ends += number == 1;
  });
  all.take(R"({"do": "march"})", "web");
  all.run();
  CHECK(state_of(all, 1) == "running");
  for (int i = 0; i < 255; ++i) {
    all.take(R"({"do": "dance"})", "web");
    all.run();
  }
  CHECK(refusal_of(all, R"({"do": "dance"})") == "too many operations go on");
  CHECK(state_of(all, 1) == "running");
  end({true, "there", R"({"stages": []})"});
  end({false, "again"});
  CHECK(ends == 1);
  CHECK(all.one(1).ends_with(R"("state":"done","result":"there","receipt":{"stages":[]}})"));
  all.take(R"({"do": "dance"})", "web");
  CHECK_THROWS_AS(all.one(1), std::runtime_error);
}

TEST_CASE("those that wait are bounded") {
  operations all;
  all.add("dance", "", [](const json::object&) { return ""; });
  for (int i = 0; i < 64; ++i) all.take(R"({"do": "dance"})", "web");
  CHECK(refusal_of(all, R"({"do": "dance"})") == "64 commands wait already");
}

}  // namespace
