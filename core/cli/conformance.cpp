#include "cli/conformance.hpp"

#include "cli/case_process.hpp"
#include "cli/progress.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <deque>
#include <list>
#include <memory>
#include <thread>

namespace sluice::cli {
namespace {

using testing::conformance::after;
using testing::conformance::cases;
using testing::conformance::result;
using testing::conformance::step;
using testing::conformance::steps;
using testing::conformance::test_case;
using testing::conformance::verdict;

class suite_run {
 public:
  suite_run(const std::filesystem::path& file, const verify_options& asked,
            std::chrono::nanoseconds limit, const std::filesystem::path& scratch)
      : file_{file}, asked_{asked}, limit_{limit}, scratch_{scratch} {
    made_.file = file;
    for (const test_case& each : cases()) made_.cases.push_back({&each, {}, {}});
  }

  file_report run() {
    bool going = true;
    for (const step& each : steps) {
      going = going && now(each.name);
      if (!going) skip_those(each);
      if (going && made_.what.empty()) made_.what = of(each.name).came.why;
    }
    for (case_report& each : made_.cases)
      if (wanted(each) && is_open(each)) waiting_.push_back(&each);
    while (!waiting_.empty() || !running_.empty()) advance();
    std::erase_if(made_.cases, [&](const case_report& each) {
      return !wanted(each) && each.came.is != result::fail;
    });
    return std::move(made_);
  }

 private:
  struct running {
    case_report* into;
    std::unique_ptr<case_process> process;
  };

  bool wanted(const case_report& one) const {
    return asked_.cases.empty() ||
           std::find(asked_.cases.begin(), asked_.cases.end(), one.of->name) != asked_.cases.end();
  }
  /// It was neither run nor skipped.
  static bool is_open(const case_report& one) {
    return one.took.count() == 0 && one.came.is == result::pass;
  }
  case_report& of(std::string_view name) {
    return *std::find_if(made_.cases.begin(), made_.cases.end(),
                         [&](const case_report& each) { return each.of->name == name; });
  }
  /// What others need is run first, alone.
  bool now(std::string_view name) {
    waiting_.push_back(&of(name));
    while (!waiting_.empty() || !running_.empty()) advance();
    return of(name).came.is == result::pass;
  }
  void skip_those(const step& after_it) {
    for (case_report& each : made_.cases)
      if (each.of->needs == after_it.allows && is_open(each))
        each.came = {result::skip, after_it.otherwise};
  }

  std::vector<std::string> arguments(const test_case& which) const {
    std::vector<std::string> words{"verify",  file_.string(), "--case",    std::string{which.name},
                                   "--limit", asked_.limit,   "--scratch", scratch_.string()};
    for (const std::string& each : asked_.set) words.insert(words.end(), {"--set", each});
    if (!asked_.config.empty()) words.insert(words.end(), {"--config", asked_.config});
    return words;
  }

  void show() {
    std::string names;
    for (const running& each : running_) {
      names += names.empty() ? "" : ", ";
      names += each.into->of->name;
    }
    progress_.say(fmt::format("{}: {} of {} cases; {}", file_.filename().string(), ended_,
                              std::count_if(made_.cases.begin(), made_.cases.end(),
                                            [&](const case_report& each) { return wanted(each); }),
                              names));
  }

  /// Begins what may begin, and waits until one says something or is overdue.
  void advance() {
    // Cases of a stage with one port, or one file, are in each other's way.
    const bool alone = !asked_.set.empty() || !asked_.config.empty() ||
                       made_.what.ends_with(testing::conformance::with_event_loop);
    const std::size_t at_once = alone ? 1 : std::max(1u, std::thread::hardware_concurrency());
    for (; !waiting_.empty() && running_.size() < at_once; waiting_.pop_front())
      running_.push_back({waiting_.front(), std::make_unique<case_process>(
                                                arguments(*waiting_.front()->of), limit_)});
    show();
    std::vector<pollfd> watched;
    auto next = case_process::clock::time_point::max();
    for (const running& each : running_) {
      watched.push_back({each.process->told_by(), POLLIN, 0});
      next = std::min(next, each.process->deadline());
    }
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(next - case_process::clock::now());
    ::poll(watched.data(), watched.size(),
           static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    std::size_t i = 0;
    for (auto each = running_.begin(); each != running_.end(); ++i) {
      const bool over = case_process::clock::now() >= each->process->deadline() ||
                        (watched[i].revents != 0 && !each->process->read());
      if (!over) {
        ++each;
        continue;
      }
      each->into->came = each->process->end();
      each->into->took = each->process->took();
      if (wanted(*each->into)) ++ended_;
      each = running_.erase(each);
    }
  }

  const std::filesystem::path file_;
  const verify_options& asked_;
  const std::chrono::nanoseconds limit_;
  const std::filesystem::path scratch_;
  file_report made_;
  std::deque<case_report*> waiting_;
  std::list<running> running_;
  std::size_t ended_ = 0;
  progress progress_;
};

}  // namespace

std::size_t file_report::count(result which) const {
  return static_cast<std::size_t>(std::count_if(
      cases.begin(), cases.end(), [&](const case_report& each) { return each.came.is == which; }));
}

file_report verify_file(const std::filesystem::path& file, const verify_options& asked,
                        std::chrono::nanoseconds limit, const std::filesystem::path& scratch) {
  return suite_run{file, asked, limit, scratch}.run();
}

}  // namespace sluice::cli
