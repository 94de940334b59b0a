#include "control/tell.hpp"

#include "control/client.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <thread>

namespace sluice::control {

namespace json = boost::json;

namespace {

constexpr auto longest = std::chrono::minutes{5};
constexpr auto quick = std::chrono::seconds{1};  // nobody wants to be told of
constexpr auto first_pause = std::chrono::milliseconds{5},
               longest_pause = std::chrono::milliseconds{200};

bool is_over(const json::object& row) {
  const std::string_view state = row.at("state").as_string();
  return state == "done" || state == "failed";
}

}  // namespace

json::object tell(const std::filesystem::path& socket, const json::object& command,
                  const waiting& waits) {
  json::object row = json::parse(ask(socket, {"", 0, json::serialize(command)})).as_object();
  const auto number = row.at("number").to_number<std::uint64_t>();
  const auto began = std::chrono::steady_clock::now();
  for (auto pause = first_pause; !is_over(row); pause = std::min(2 * pause, longest_pause)) {
    const auto past = std::chrono::steady_clock::now() - began;
    if (waits && past > quick)
      waits(fmt::format("operation {} goes on for {} s", number,
                        std::chrono::floor<std::chrono::seconds>(past).count()));
    if (past > longest)
      throw std::runtime_error{
          fmt::format("operation {} goes on after {} min; `sluice events` tells of its end", number,
                      longest.count())};
    std::this_thread::sleep_for(pause);
    const json::value later = json::parse(ask(socket, {"operations", number - 1}));
    for (const json::value& each : later.at("operations").as_array())
      if (each.at("number").to_number<std::uint64_t>() == number) row = each.as_object();
  }
  return row;
}

std::string done_by(const json::object& row) {
  std::string result{row.at("result").as_string()};
  if (row.at("state").as_string() != "done") throw std::runtime_error{result};
  return result;
}

}  // namespace sluice::control
