#include "control/operations.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>

namespace sluice::control {

namespace json = boost::json;

namespace {

constexpr std::size_t remembered = 256, waiting_max = 64;

const char* state_name(bool begun, bool over, bool done) {
  if (over) return done ? "done" : "failed";
  return begun ? "running" : "waiting";
}

}  // namespace

void operations::add_long(std::string name, std::string keys, starter begin) {
  commands_.insert_or_assign(std::move(name), command{std::move(keys), std::move(begin)});
}

void operations::add(std::string name, std::string keys, doer act) {
  add_long(std::move(name), std::move(keys),
           [act = std::move(act)](const json::object& told, const finish& end) {
             end({true, act(told)});
           });
}

const operations::command& operations::known(const json::object& told, std::string& name) const {
  const json::value* given = told.if_contains("do");
  if (given != nullptr && given->is_string()) name = given->as_string();
  const auto found = commands_.find(name);
  if (found != commands_.end()) return found->second;
  std::string all;
  for (const auto& [each, unused] : commands_) all += (all.empty() ? "" : ", ") + each;
  throw std::runtime_error{
      fmt::format("there is nothing called \"{}\" to do; there are {}", name, all)};
}

std::uint64_t operations::take(std::string_view request, std::string_view by) {
  json::error_code failed;
  json::value whole = json::parse(request, failed);
  if (failed || !whole.is_object())
    throw std::runtime_error{"the command is not a JSON object as {\"do\": \"breaker\"}"};
  std::string name;
  known(whole.as_object(), name);
  std::uint64_t number = 0;
  {
    const std::lock_guard lock{mutex_};
    const auto waiting =
        std::count_if(all_.begin(), all_.end(), [](const operation& each) { return !each.begun; });
    if (static_cast<std::size_t>(waiting) >= waiting_max)
      throw std::runtime_error{fmt::format("{} commands wait already", waiting_max)};
    // One that goes on is remembered longer; commands that wait and run are bounded.
    while (all_.size() >= remembered && all_.front().over) all_.pop_front();
    if (all_.size() >= remembered) throw std::runtime_error{"too many operations go on"};
    number = ++last_;
    all_.push_back({number, name, std::string{by}, std::move(whole.as_object())});
  }
  if (wake_) wake_();
  return number;
}

void operations::run() {
  for (;;) {
    std::uint64_t number = 0;
    json::object told;
    {
      const std::lock_guard lock{mutex_};
      const auto next =
          std::find_if(all_.begin(), all_.end(), [](const operation& each) { return !each.begun; });
      if (next == all_.end()) return;
      next->begun = true;
      number = next->number;
      told = std::move(next->told);
    }
    try {
      std::string name;
      known(told, name).begin(told, [this, number](outcome how) { end(number, std::move(how)); });
    } catch (const std::exception& why) {
      end(number, {false, why.what()});
    }
  }
}

operations::operation* operations::find(std::uint64_t number) {
  const auto found = std::find_if(all_.begin(), all_.end(),
                                  [&](const operation& each) { return each.number == number; });
  return found == all_.end() ? nullptr : &*found;
}

void operations::end(std::uint64_t number, outcome how) {
  std::string name, by;
  {
    const std::lock_guard lock{mutex_};
    operation* ended = find(number);
    if (ended == nullptr || ended->over) return;
    ended->over = true;
    ended->how = how;
    name = ended->name;
    by = ended->by;
  }
  if (told_) told_(number, name, by, how);
}

json::object operations::row(const operation& of) {
  const bool changed = of.over && !of.how.receipt.empty();
  return {{"number", of.number},
          {"do", of.name},
          {"by", of.by},
          {"state", state_name(of.begun, of.over, of.how.done)},
          {"result", of.over ? json::value(of.how.text) : json::value(nullptr)},
          {"receipt", changed ? json::parse(of.how.receipt) : json::value(nullptr)}};
}

std::string operations::one(std::uint64_t number) const {
  const std::lock_guard lock{mutex_};
  const operation* found = const_cast<operations*>(this)->find(number);
  if (found == nullptr) throw std::runtime_error{fmt::format("no operation {} is known", number)};
  return json::serialize(row(*found));
}

std::string operations::document(std::uint64_t after) const {
  json::array list;
  const std::lock_guard lock{mutex_};
  for (const operation& each : all_)
    if (each.number > after) list.push_back(row(each));
  return json::serialize(json::object{{"operations", std::move(list)}});
}

std::string operations::names() const {
  json::array list;
  for (const auto& [name, each] : commands_)
    list.push_back(json::object{{"do", name}, {"keys", each.keys}});
  return json::serialize(json::object{{"commands", std::move(list)}});
}

}  // namespace sluice::control
