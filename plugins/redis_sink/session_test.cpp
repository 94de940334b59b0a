#include "session.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

namespace session_test {

using namespace sluice::redis_sink;
using namespace std::chrono_literals;
using sluice::time_point;

namespace {

constexpr time_point t0{1'000s};

#define CLIENT_INFO "$38\r\nid=7 addr=127.0.0.1:40 laddr=h:1 fd=8 \r\n"

struct recorder final : session::listener {
  struct piece {
    std::uint32_t result, cause, count;
    std::uint64_t call, incident;
    time_point written, done;
    std::uint64_t receivers;
  };
  std::vector<piece> pieces;
  std::vector<std::string> errors;
  void ended(const sluice_outcome& o) override {
    pieces.push_back({o.result, o.cause, o.count, o.call, o.incident,
                      time_point{sluice::duration{o.written_ns}},
                      time_point{sluice::duration{o.done_ns}}, o.receivers});
  }
  void refused(std::uint32_t cause, std::string_view error) override {
    errors.push_back((cause == SLUICE_CAUSE_BUSY ? "busy " : "never ") + std::string{error});
  }
};

struct cluster_recorder final : session::listener {
  std::vector<std::string> heard;
  void ended(const sluice_outcome& o) override {
    heard.push_back(std::to_string(o.call) + ": " + std::to_string(o.count));
  }
  void refused(std::uint32_t, std::string_view error) override { heard.emplace_back(error); }
  void redirected(std::uint64_t call, std::string_view error) override {
    heard.push_back(std::to_string(call) + " " + std::string{error});
  }
  void told(const reply& answer) override {
    const bool fine = answer.kind == reply_kind::string;
    heard.push_back((fine ? "nodes " : "no nodes ") + std::string{answer.text});
  }
};

struct fixture {
  recorder told;
  session talk{told};
  std::string out;

  session::progress feed(std::string_view bytes, time_point at = t0) {
    return talk.feed({bytes.data(), bytes.size()}, at);
  }
  void greet() {
    talk.greet({"", "", 0, "me"}, role_check::none, t0, out);
    REQUIRE(feed("+OK\r\n" CLIENT_INFO "+PONG\r\n") == session::progress::greeted);
  }
};

std::vector<command_label> plain(std::size_t count) { return std::vector<command_label>(count); }

std::string numbers(int count, int value = 0) {
  std::string text;
  for (int i = 0; i < count; ++i) text += ":" + std::to_string(value) + "\r\n";
  return text;
}

}  // namespace

TEST_CASE("session: the greeting says what is set and nothing else") {
  const struct {
    identity as;
    const char* commands;
  } table[] = {
      {{"", "", 0, "me"},
       "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$2\r\nme\r\n"
       "*2\r\n$6\r\nCLIENT\r\n$4\r\nINFO\r\n*1\r\n$4\r\nPING\r\n"},
      {{"", "pw", 0, "me"},
       "*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n"
       "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$2\r\nme\r\n"
       "*2\r\n$6\r\nCLIENT\r\n$4\r\nINFO\r\n*1\r\n$4\r\nPING\r\n"},
      {{"joe", "p w", 12, "me"},
       "*3\r\n$4\r\nAUTH\r\n$3\r\njoe\r\n$3\r\np w\r\n*2\r\n$6\r\nSELECT\r\n$2\r\n12\r\n"
       "*3\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n$2\r\nme\r\n"
       "*2\r\n$6\r\nCLIENT\r\n$4\r\nINFO\r\n*1\r\n$4\r\nPING\r\n"},
  };
  for (const auto& row : table) {
    fixture f;
    f.talk.greet(row.as, role_check::none, t0, f.out);
    CHECK(f.out == row.commands);
    CHECK(f.talk.oldest() == t0);
  }
}

TEST_CASE("session: how a greeting ends") {
  const struct {
    identity as;
    const char* replies;
    session::progress progress;
    const char* reason;
  } table[] = {
      {{"", "", 0, "me"}, "+OK\r\n" CLIENT_INFO "+PONG\r\n", session::progress::greeted, ""},
      {{"", "pw", 3, "me"},
       "+OK\r\n+OK\r\n+OK\r\n" CLIENT_INFO "+PONG\r\n",
       session::progress::greeted,
       ""},
      {{"", "pw", 3, "me"}, "+OK\r\n+OK\r\n+OK\r\n", session::progress::fine, ""},
      {{"", "", 0, "me"},
       "-NOPERM no CLIENT\r\n-NOPERM no CLIENT\r\n-NOPERM no PING\r\n",
       session::progress::greeted,
       ""},
      {{"", "", 0, "me"},
       "-NOAUTH need it\r\n-NOAUTH need it\r\n-NOAUTH need it\r\n",
       session::progress::refused,
       "the server asks for a password"},
      {{"joe", "hidden", 0, "me"},
       "-WRONGPASS no\r\n-NOAUTH x\r\n",
       session::progress::refused,
       "AUTH was answered WRONGPASS"},
      {{"joe", "hidden", 0, "me"},
       "-ERR unknown command `AUTH`, with args beginning with: `hidden`\r\n",
       session::progress::refused,
       "AUTH was answered ERR"},
      {{"", "", 99, "me"},
       "-ERR DB index is out of range\r\n",
       session::progress::refused,
       "SELECT was answered ERR DB index is out of range"},
      {{"", "", 0, "me"},
       "-DENIED protected mode\r\n",
       session::progress::refused,
       "DENIED protected mode"},
      {{"", "pw", 0, "me"},
       "-ERR max number of clients reached\r\n",
       session::progress::busy,
       "ERR max number of clients reached"},
      {{"", "", 0, "me"},
       "+OK\r\n" CLIENT_INFO "-LOADING in memory\r\n",
       session::progress::greeted,
       ""},
      {{"", "", 0, "me"},
       "-MASTERDOWN x\r\n-MASTERDOWN x\r\n-MASTERDOWN x\r\n",
       session::progress::greeted,
       ""},
      {{"", "", 0, "me"}, "-BUSY a script\r\n", session::progress::busy, "BUSY a script"},
      {{"", "", 0, "me"},
       "HTTP/1.1 400 Bad Request\r\n",
       session::progress::broken,
       "what came is not the Redis protocol"},
      {{"", "", 0, "me"},
       "+OK\r\n" CLIENT_INFO "+PONG\r\n+OK\r\n",
       session::progress::broken,
       "a reply came that nothing asked for"},
  };
  for (const auto& row : table) {
    CAPTURE(row.replies);
    fixture f;
    f.talk.greet(row.as, role_check::none, t0, f.out);
    CHECK(f.feed(row.replies) == row.progress);
    CHECK(f.talk.reason() == row.reason);
    CHECK(f.told.pieces.empty());
  }
}

TEST_CASE("session: a connection knows its mark, and ends another before it publishes") {
  const struct {
    const char* info;
    std::uint64_t id;
    const char* address;
  } marks[] = {{CLIENT_INFO, 7, "127.0.0.1:40"},
               {"$29\r\nid=18446744073709551615 addr=\r\n", ~std::uint64_t{0}, ""},
               {"$4\r\nwhat\r\n", 0, ""},
               {"$5\r\nid=x \r\n", 0, ""},
               {"-ERR unknown subcommand\r\n", 0, ""}};
  for (const auto& row : marks) {
    CAPTURE(row.info);
    fixture f;
    f.talk.greet({"", "", 0, "me"}, role_check::none, t0, f.out);
    CHECK(f.feed(std::string{"+OK\r\n"} + row.info + "+PONG\r\n") == session::progress::greeted);
    CHECK(f.talk.mark().id == row.id);
    CHECK(f.talk.mark().address == row.address);
  }

  const struct {
    const char *reply, *reason;
  } replies[] = {{":1\r\n", ""}, {":0\r\n", ""}, {"-NOPERM no\r\n", "NOPERM no"}};
  for (const auto& row : replies) {
    fixture f;
    f.greet();
    f.out.clear();
    f.talk.kill({5, "127.0.0.1:39"}, t0 + 1s, f.out);
    CHECK(f.out ==
          "*6\r\n$6\r\nCLIENT\r\n$4\r\nKILL\r\n$2\r\nID\r\n$1\r\n5\r\n"
          "$4\r\nADDR\r\n$12\r\n127.0.0.1:39\r\n");
    CHECK(f.talk.oldest() == t0 + 1s);
    CHECK(f.feed(row.reply) == session::progress::greeted);
    CHECK(f.talk.reason() == row.reason);
    CHECK(f.talk.silent());
  }
}

TEST_CASE("session: a cluster's node: its version, its nodes, and what is to go elsewhere") {
  cluster_recorder recorded;
  session talk{recorded, session::peer::cluster_node};
  const auto feed = [&](std::string_view bytes) {
    return talk.feed({bytes.data(), bytes.size()}, t0);
  };
  std::string out;
  talk.greet({"", "", 0, "me"}, role_check::none, t0, out);
  CHECK(out.find("INFO\r\n$6\r\nserver") != std::string::npos);
  CHECK(feed("+OK\r\n" CLIENT_INFO "$30\r\n# Server\r\nredis_version:7.0.15\r\n+PONG\r\n") ==
        session::progress::greeted);
  CHECK(talk.major_version() == 7);

  talk.published(1, plain(4), t0);
  out.clear();
  talk.ask({"CLUSTER", "NODES"}, t0, out);
  CHECK(out == "*2\r\n$7\r\nCLUSTER\r\n$5\r\nNODES\r\n");
  const std::string long_text(5'000, 'n');
  CHECK(feed(":1\r\n-MOVED 5 h:1\r\n-CLUSTERDOWN no\r\n:1\r\n$5000\r\n" + long_text + "\r\n") ==
        session::progress::fine);
  CHECK(recorded.heard == std::vector<std::string>{"1: 1", "1 MOVED 5 h:1", "1 CLUSTERDOWN no",
                                                   "1: 1", "nodes " + long_text});
  CHECK(talk.silent());

  recorded.heard.clear();
  talk.published(2, plain(2), t0, true);
  talk.ask({"CLUSTER", "NODES"}, t0, out);
  CHECK(feed("+OK\r\n-ASK 5 h:1\r\n+OK\r\n:1\r\n-NOPERM you\r\n") == session::progress::fine);
  CHECK(recorded.heard == std::vector<std::string>{"2 ASK 5 h:1", "2: 1", "no nodes NOPERM you"});
  CHECK(talk.in_flight() == 0);

  fixture single;  // where MOVED is an error like any other
  single.greet();
  single.talk.published(1, plain(1), t0);
  single.feed("-MOVED 5 h:1\r\n");
  REQUIRE(single.told.pieces.size() == 1);
  CHECK(single.told.pieces[0].cause == SLUICE_CAUSE_REJECTED);
}

TEST_CASE("session: behind a sentinel only a master will do") {
  const struct {
    const char* role;
    session::progress progress;
    const char* reason;
  } table[] = {
      {"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n", session::progress::greeted, ""},
      {"*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:0\r\n", session::progress::busy,
       "is not the master; its role is slave"},
      {"-NOPERM no\r\n", session::progress::refused,
       "ROLE was answered NOPERM no: behind a Sentinel the user needs +role"},
  };
  for (const auto& row : table) {
    CAPTURE(row.role);
    fixture f;
    f.talk.greet({"", "", 0, "me"}, role_check::master, t0, f.out);
    CHECK(f.out.starts_with("*1\r\n$4\r\nROLE\r\n"));
    CHECK(f.feed(std::string{row.role} + "+OK\r\n" CLIENT_INFO "+PONG\r\n") == row.progress);
    CHECK(f.talk.reason() == row.reason);
  }
}

TEST_CASE("session: a batch whose replies come in any slices is one outcome") {
  const std::string replies = ":0\r\n:12\r\n:3\r\n";
  for (std::size_t cut = 0; cut <= replies.size(); ++cut) {
    fixture f;
    f.greet();
    f.talk.published(41, plain(3), t0 + 1ms);
    CHECK(f.talk.in_flight() == 1);
    CHECK(f.talk.unanswered() == 3);
    CHECK(f.feed(replies.substr(0, cut), t0 + 2ms) == session::progress::fine);
    CHECK(f.feed(replies.substr(cut), t0 + 3ms) == session::progress::fine);
    REQUIRE(f.told.pieces.size() == 1);
    const auto& piece = f.told.pieces[0];
    CHECK(piece.result == SLUICE_PUBLISHED);
    CHECK(piece.cause == SLUICE_CAUSE_NONE);
    CHECK(piece.count == 3);
    CHECK(piece.call == 41);
    CHECK(piece.incident == 0);
    CHECK(piece.written == t0 + 1ms);
    CHECK(piece.done == (cut == replies.size() ? t0 + 2ms : t0 + 3ms));
    CHECK(piece.receivers == 15);
    CHECK(f.talk.in_flight() == 0);
    CHECK(f.talk.silent());
  }
}

TEST_CASE("session: a record ends as the worst of its commands; a group ends at once") {
  const std::vector<command_label> commands{
      {0, 0, reply_kind::integer}, {0, 1, reply_kind::string},  {0, 0, reply_kind::integer},
      {0, 1, reply_kind::string},  {0, 0, reply_kind::integer}, {0, 7, reply_kind::status}};
  fixture f;
  f.greet();
  f.talk.published(1, commands, t0);
  CHECK(f.talk.unanswered() == 9);
  CHECK(f.feed(":2\r\n") == session::progress::fine);
  CHECK(f.talk.unanswered() == 9);
  CHECK(f.feed("$3\r\n1-0\r\n:2\r\n-OOM no\r\n-NOPERM no\r\n+OK\r\n") == session::progress::fine);
  const auto& p = f.told.pieces;
  REQUIRE(p.size() == 3);
  CHECK((p[0].count == 1 && p[0].result == SLUICE_PUBLISHED && p[0].receivers == 2));
  CHECK((p[1].count == 1 && p[1].cause == SLUICE_CAUSE_BUSY && p[1].receivers == 2));
  CHECK((p[2].count == 7 && p[2].cause == SLUICE_CAUSE_REJECTED && p[2].receivers == 0));
  CHECK(f.talk.silent());

  f.talk.published(2, commands, t0);
  f.feed(":1\r\n$3\r\n1-0\r\n-OOM no\r\n");
  f.talk.lost(SLUICE_CAUSE_CONNECTION, 5, t0);
  REQUIRE(p.size() == 5);
  CHECK((p[3].count == 1 && p[3].result == SLUICE_PUBLISHED));
  CHECK((p[4].count == 8 && p[4].result == SLUICE_PUBLISH_UNKNOWN));

  fixture next;  // nothing of it is left for the next connection's
  next.greet();
  next.talk.published(1, commands, t0);
  next.feed("-OOM no\r\n");
  next.talk.lost(SLUICE_CAUSE_CONNECTION, 5, t0);
  next.greet();
  next.told.pieces.clear();
  next.talk.published(2, plain(1), t0);
  next.feed(":0\r\n");
  REQUIRE(next.told.pieces.size() == 1);
  CHECK(next.told.pieces[0].result == SLUICE_PUBLISHED);
}

TEST_CASE("session: mixed replies are pieces in order") {
  fixture f;
  f.greet();
  f.talk.published(1, plain(6), t0);
  f.talk.published(2, plain(2), t0);
  CHECK(f.feed(":1\r\n:1\r\n-OOM no\r\n-NOPERM you\r\n-NOPERM you\r\n:1\r\n:1\r\n:5\r\n") ==
        session::progress::fine);
  const auto& p = f.told.pieces;
  REQUIRE(p.size() == 5);
  CHECK((p[0].call == 1 && p[0].count == 2 && p[0].result == SLUICE_PUBLISHED));
  CHECK(p[0].receivers == 2);
  CHECK(f.talk.take_most_receivers() == 5);
  CHECK(f.talk.take_most_receivers() == 0);
  CHECK((p[1].call == 1 && p[1].count == 1 && p[1].cause == SLUICE_CAUSE_BUSY));
  CHECK(p[1].result == SLUICE_PUBLISH_FAILED);
  CHECK((p[2].call == 1 && p[2].count == 2 && p[2].cause == SLUICE_CAUSE_REJECTED));
  CHECK((p[3].call == 1 && p[3].count == 1 && p[3].result == SLUICE_PUBLISHED));
  CHECK((p[4].call == 2 && p[4].count == 2 && p[4].receivers == 6));
  CHECK(f.told.errors ==
        std::vector<std::string>{"busy OOM no", "never NOPERM you", "never NOPERM you"});
}

TEST_CASE("session: an entry of a stream is answered by its id") {
  const struct {
    const char* reply;
    session::progress progress;
  } table[] = {{"$3\r\n1-0\r\n", session::progress::fine},
               {"-OOM no\r\n", session::progress::fine},
               {":1\r\n", session::progress::broken},
               {"$-1\r\n", session::progress::broken}};
  for (const auto& row : table) {
    CAPTURE(row.reply);
    fixture f;
    session talk{f.told};
    talk.greet({"", "", 0, "me"}, role_check::none, t0, f.out);
    const std::string bytes = "+OK\r\n" CLIENT_INFO "+PONG\r\n" + std::string{row.reply};
    talk.published(1, std::vector{command_label{0, 1, reply_kind::string}}, t0);
    const auto got = talk.feed({bytes.data(), bytes.size()}, t0);
    CHECK((got == session::progress::broken) == (row.progress == session::progress::broken));
    if (row.progress != session::progress::fine) continue;
    REQUIRE(f.told.pieces.size() == 1);
    CHECK(f.told.pieces[0].result ==
          (row.reply[0] == '$' ? SLUICE_PUBLISHED : SLUICE_PUBLISH_FAILED));
    CHECK(f.told.pieces[0].receivers == 0);
  }
}

TEST_CASE("session: a full window, many times round") {
  fixture f;
  f.greet();
  std::uint64_t call = 0, done = 0;
  for (int round = 0; round < 50; ++round) {
    while (f.talk.in_flight() < session::window_max) f.talk.published(++call, plain(2), t0);
    f.feed(numbers(3));  // one call and a half
    f.feed(numbers(1));
    done += 2;
    CHECK(f.talk.in_flight() == session::window_max - 2);
  }
  REQUIRE(f.told.pieces.size() == done);
  for (std::uint64_t i = 0; i < done; ++i) CHECK(f.told.pieces[i].call == i + 1);
}

TEST_CASE("session: a lost connection makes one incident of all that is unanswered") {
  fixture f;
  f.greet();
  f.talk.published(1, plain(3), t0);
  f.talk.published(2, plain(2), t0 + 1ms);
  f.feed(":1\r\n", t0 + 2ms);
  CHECK(f.talk.unanswered() == 4);
  f.talk.lost(SLUICE_CAUSE_TIMEOUT, 77, t0 + 1s);
  const auto& p = f.told.pieces;
  REQUIRE(p.size() == 3);
  CHECK((p[0].call == 1 && p[0].count == 1 && p[0].result == SLUICE_PUBLISHED));
  CHECK(p[0].incident == 0);
  for (std::size_t i : {1u, 2u}) {
    CHECK(p[i].call == i);
    CHECK(p[i].count == 2);
    CHECK(p[i].result == SLUICE_PUBLISH_UNKNOWN);
    CHECK(p[i].cause == SLUICE_CAUSE_TIMEOUT);
    CHECK(p[i].incident == 77);
    CHECK(p[i].done == t0 + 1s);
  }
  CHECK(f.talk.silent());
  CHECK(f.talk.in_flight() == 0);
  CHECK(f.talk.unanswered() == 0);
}

TEST_CASE("session: half a reply of the old connection does not reach the new one") {
  fixture f;
  f.greet();
  f.talk.published(1, plain(1), t0);
  f.feed(":1");
  f.talk.lost(SLUICE_CAUSE_CONNECTION, 1, t0);
  f.greet();
  f.talk.published(2, plain(1), t0);
  f.feed(":5\r\n");
  REQUIRE(f.told.pieces.size() == 2);
  CHECK(f.told.pieces[1].receivers == 5);
}

TEST_CASE("session: a ping between calls keeps its place") {
  fixture f;
  f.greet();
  f.out.clear();
  f.talk.ping(t0 + 5s, f.out);
  CHECK(f.out == "*1\r\n$4\r\nPING\r\n");
  CHECK_FALSE(f.talk.silent());
  CHECK(f.talk.oldest() == t0 + 5s);
  CHECK(f.talk.in_flight() == 0);
  f.talk.published(1, plain(1), t0 + 6s);
  CHECK(f.feed("-NOPERM no ping\r\n:3\r\n") == session::progress::fine);
  REQUIRE(f.told.pieces.size() == 1);
  CHECK(f.told.pieces[0].receivers == 3);
}

TEST_CASE("session: what is no answer to PUBLISH breaks the connection") {
  for (const char* bytes :
       {"+OK\r\n", "$2\r\nhi\r\n", "$-1\r\n", "*2\r\n:1\r\n:2\r\n", ":-1\r\n", "?", "\r\n"}) {
    CAPTURE(bytes);
    fixture f;
    f.greet();
    f.talk.published(1, plain(1), t0);
    CHECK(f.feed(bytes) == session::progress::broken);
    f.talk.lost(SLUICE_CAUSE_CONNECTION, 1, t0);
    REQUIRE(f.told.pieces.size() == 1);
    CHECK(f.told.pieces[0].result == SLUICE_PUBLISH_UNKNOWN);
  }
}

TEST_CASE("session: a reply without end is refused before it fills the memory") {
  fixture f;
  f.greet();
  f.talk.published(1, plain(1), t0);
  CHECK(f.feed("$500000000\r\n") == session::progress::fine);
  const std::string flood(16'384, 'x');
  session::progress got = session::progress::fine;
  int fed = 0;
  for (; got == session::progress::fine && fed < 1'000; ++fed) got = f.feed(flood);
  CHECK(got == session::progress::broken);
  CHECK(static_cast<std::size_t>(fed) <= reply_reader::unread_max / flood.size() + 1);
}

TEST_CASE("session: which errors time heals") {
  for (const char* error :
       {"LOADING x", "READONLY x", "OOM command not allowed", "MASTERDOWN x", "CLUSTERDOWN x",
        "BUSY x", "MISCONF x", "OOM", "ERR max number of clients reached"})
    CHECK(cause_of(error) == SLUICE_CAUSE_BUSY);
  for (const char* error : {"NOPERM x", "WRONGTYPE x", "ERR x", "NOAUTH x", "", "OOMPH x"})
    CHECK(cause_of(error) == SLUICE_CAUSE_REJECTED);
}

}  // namespace session_test
