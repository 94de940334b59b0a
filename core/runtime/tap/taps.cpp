#include "runtime/tap/taps.hpp"

#include "plugin/within_limit.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <stdexcept>
#include <utility>

namespace sluice::runtime {

namespace {

constexpr auto poll_interval = std::chrono::milliseconds{50};
constexpr std::int64_t unread_limit_ns = 5'000'000'000;
constexpr std::size_t taps_max = 8;
// Of one tap, until they are read: several looks' worth.
constexpr std::size_t lines_max = 4096, bytes_max = 4u << 20;

std::string json_string(std::string_view text) {
  return boost::json::serialize(boost::json::value(text));
}

std::string short_number(float value) {
  std::array<char, 32> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

/// A record's members by its codec, in braces; "null" if it has none, or the payload is malformed.
std::string members(const sluice_record& record, const sluice_codec* codec) {
  if (codec == nullptr) return "null";
  std::string text(codec->json_max, '\0');
  std::uint64_t size = codec->write_json(&record, text.data(), text.size());
  if (size > text.size()) {
    text.resize(size);
    size = codec->write_json(&record, text.data(), text.size());
  }
  if (size == 0 || size > text.size()) return "null";
  text.resize(size);
  return "{" + text + "}";
}

}  // namespace

void taps::start() {
  thread_ = std::thread{[this] { run(); }};
}

void taps::stop() {
  std::unique_lock lock{mutex_};
  stopping_ = true;
  woken_.notify_all();
  if (!thread_.joinable()) return;
  if (woken_.wait_for(lock, plugin::call_limit, [this] { return ended_; })) {
    lock.unlock();
    return thread_.join();
  }
  plugin::left_behind = true;
  thread_.detach();
}

void taps::run() {
  std::unique_lock lock{mutex_};
  while (!stopping_) {
    woken_.wait(lock, [this] { return stopping_ || !open_.empty(); });
    lock.unlock();
    look();
    lock.lock();
    woken_.wait_for(lock, poll_interval, [this] { return stopping_; });
  }
  ended_ = true;
  woken_.notify_all();
}

std::string taps::decode(const sluice_record& record, const std::string& stage) const {
  const schemas& formats = engine_.formats();
  return ",\"stage\":" + json_string(stage) + ",\"key\":" + std::to_string(record.key) +
         ",\"seq\":" + std::to_string(record.seq) +
         ",\"priority\":" + std::to_string(record.priority) +
         ",\"weight\":" + short_number(record.weight) +
         ",\"schema\":" + json_string(formats.name(record.schema)) +
         ",\"received_ns\":" + std::to_string(record.received_ns) +
         ",\"exchange_ns\":" + std::to_string(record.exchange_ns) +
         ",\"bytes\":" + std::to_string(record.size) +
         ",\"record\":" + members(record, formats.codec(record.schema)) + "}";
}

void taps::look() {
  std::vector<std::shared_ptr<tap>> all;
  {
    const std::lock_guard lock{mutex_};
    std::erase_if(open_, [&](const std::shared_ptr<tap>& each) {
      if (engine_.now() - each->read_at < unread_limit_ns) return false;
      for (const point& from : each->points) from.at->close(each.get());
      return true;
    });
    all = open_;
  }
  for (const std::shared_ptr<tap>& each : all) look_at(*each);
}

void taps::look_at(tap& each) {
  // Read before what came is taken: of a point that is not among them any more, that was the last.
  std::vector<point> now = points_of(each.asked.stage);
  std::vector<std::string> texts;
  std::uint64_t lost = 0;
  for (point& from : each.points) {
    const auto got = from.at->exchange(&each, std::make_unique_for_overwrite<tap_buffer>());
    for (const sluice_record& record : got->records()) texts.push_back(decode(record, from.stage));
    const std::uint64_t missed = from.at->missed();
    lost += got->lost() + missed - std::exchange(from.missed_before, missed);
  }
  const std::lock_guard lock{mutex_};
  keep(each, std::move(texts), lost);
  follow(each, std::move(now));
}

/// Stages come and go while it is open.
void taps::follow(tap& of, std::vector<point> now) {
  const auto among = [](const std::vector<point>& all, const point& one) {
    return std::any_of(all.begin(), all.end(),
                       [&](const point& each) { return each.at == one.at; });
  };
  std::erase_if(of.points, [&](const point& each) {
    if (among(now, each)) return false;
    each.at->close(&of);
    return true;
  });
  for (point& each : now) {
    if (among(of.points, each)) continue;
    each.at->open(&of, of.filter);
    of.points.push_back(std::move(each));
  }
  of.gone = of.points.empty();
}

/// What nobody has read when it has to go is lost, too.
void taps::keep(tap& of, std::vector<std::string> texts, std::uint64_t lost) {
  of.wanted += texts.size() + lost;
  of.lost += lost;
  for (std::string& text : texts) {
    of.bytes += text.size();
    of.lines.push_back({++last_, std::move(text)});
  }
  while (of.lines.size() > lines_max || of.bytes > bytes_max) {
    if (of.lines.front().number > of.read_to) ++of.lost;
    of.bytes -= of.lines.front().text.size();
    of.lines.pop_front();
  }
}

std::vector<taps::point> taps::points_of(const std::string& stage) const {
  std::vector<point> found;
  for (engine::tapped& each : engine_.tap_points())
    if (each.stage == stage || each.label == stage)
      found.push_back({each.at, std::move(each.label), each.at->missed()});
  return found;
}

void taps::refuse(const std::string& stage) const {
  std::string names;
  for (const engine::tapped& each : engine_.tap_points())
    names += (names.empty() ? "" : ", ") + each.label;
  throw std::invalid_argument{"no records pass a stage \"" + stage + "\"; they pass " + names};
}

tap_filter taps::filter_of(const tap_question& asked) const {
  tap_filter made{asked.key, asked.priority, 0, asked.every};
  if (asked.schema.empty()) return made;
  made.schema = engine_.formats().find(asked.schema);
  if (made.schema == 0)
    throw std::invalid_argument{"no record here has the schema \"" + asked.schema + "\""};
  return made;
}

taps::tap& taps::find(const tap_question& asked) {
  const auto found =
      std::find_if(open_.begin(), open_.end(),
                   [&](const std::shared_ptr<tap>& each) { return each->asked == asked; });
  return found == open_.end() ? open(asked) : **found;
}

taps::tap& taps::open(const tap_question& asked) {
  auto made = std::make_shared<tap>(tap{asked, filter_of(asked)});
  std::vector<point> points = points_of(asked.stage);
  if (points.empty()) refuse(asked.stage);
  if (open_.size() == taps_max)
    throw std::invalid_argument{
        std::to_string(taps_max) +
        " taps are open, which is the most at once; one closes 5 s after it "
        "was last read"};
  follow(*made, std::move(points));
  open_.push_back(made);
  woken_.notify_all();
  return *made;
}

std::string taps::read(const tap_question& asked, std::uint64_t after) {
  const std::lock_guard lock{mutex_};
  tap& of = find(asked);
  of.read_at = engine_.now();
  if (of.gone && (of.lines.empty() || of.lines.back().number <= after)) refuse(asked.stage);
  std::string records;
  for (const line& each : of.lines) {
    if (each.number <= after) continue;
    records += (records.empty() ? "{\"number\":" : ",{\"number\":") + std::to_string(each.number) +
               each.text;
  }
  if (!of.lines.empty()) of.read_to = of.lines.back().number;
  return "{\"stage\":" + json_string(asked.stage) + ",\"wanted\":" + std::to_string(of.wanted) +
         ",\"lost\":" + std::to_string(of.lost) +
         ",\"last\":" + std::to_string(std::max(of.read_to, after)) + ",\"records\":[" + records +
         "]}";
}

}  // namespace sluice::runtime
