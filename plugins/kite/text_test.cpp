#include <kite/json_scan.hpp>
#include <kite/test_support.hpp>
#include <kite/text.hpp>

#include <doctest/doctest.h>

using namespace sluice::kite;

TEST_CASE("server messages by type") {
  const auto order =
      parse_server_text("{ \"type\" : \"order\",\n \"data\": { \"a b\": [1, 2.50] } }");
  CHECK(order.kind == text_kind::order);
  CHECK(order.data == R"({"a b":[1,2.50]})");
  const auto error = parse_server_text(R"({"type":"error","data":"no \"more\""})");
  CHECK(error.kind == text_kind::error);
  CHECK(error.data == "no \"more\"");
  CHECK(parse_server_text(message_text("a\n\"b\"\\")).data == "a\n\"b\"\\");
  CHECK(parse_server_text(error_text("x")).kind == text_kind::error);
  CHECK(parse_server_text(order_text("{\"k\":1}")).data == "{\"k\":1}");
  const auto other = parse_server_text(R"({"type":"new thing"})");
  CHECK(other.kind == text_kind::other);
  CHECK(other.data == "new thing");
}

TEST_CASE("bad server messages are malformed, with the reason") {
  for (const auto* bad : {"", "{", "[]", "null", "{\"type\":1}", "{}", R"({"type":"order"})",
                          R"({"type":"order","data":"x"})", R"({"type":"error","data":{}})",
                          "\xff\xfe", R"({"type":"message"})"}) {
    const auto got = parse_server_text(bad);
    CHECK(got.kind == text_kind::malformed);
    CHECK(!got.data.empty());
  }
  CHECK(parse_server_text(std::string(100'000, '[')).kind == text_kind::malformed);
}

TEST_CASE("recorded text messages") {
  const std::string folder = frames_folder();
  if (folder.empty()) return;
  CHECK(parse_server_text(read_file(folder + "/observed_app_code.json")).kind ==
        text_kind::app_code);
  const auto meta = parse_server_text(read_file(folder + "/observed_instruments_meta.json"));
  CHECK(meta.kind == text_kind::instruments_meta);
  CHECK(find_member(meta.data, "count").integer == 86481);

  const auto order = parse_server_text(order_text(read_file(folder + "/postback.json")));
  REQUIRE(order.kind == text_kind::order);
  const order_update read = read_order(order.data);
  CHECK(read.order_id == "220303000308932");
  CHECK(read.status == "COMPLETE");
  CHECK(read.token == 779521);
  CHECK(read.filled_quantity == 1);
  CHECK(read.symbol == "SBIN");
  CHECK(read.exchange_update_timestamp == "2022-03-03 09:24:25");
}

TEST_CASE("an order update is new once, within what is remembered") {
  order_memory memory{2};
  order_update update;
  update.order_id = "1";
  update.status = "OPEN";
  CHECK(memory.first(update));
  CHECK(!memory.first(update));
  update.filled_quantity = 5;
  CHECK(memory.first(update));
  CHECK(!memory.first(update));
  update.status = "COMPLETE";
  CHECK(memory.first(update));
  update.status = "OPEN";
  CHECK(!memory.first(update));
  update.filled_quantity = 0;
  CHECK(memory.first(update));  // forgotten: it was the oldest of three
}

TEST_CASE("client requests, there and back") {
  const std::vector<std::uint32_t> tokens{408065, 884737};
  CHECK(subscribe_text(tokens) == R"({"a":"subscribe","v":[408065,884737]})");
  CHECK(unsubscribe_text({tokens.data(), 1}) == R"({"a":"unsubscribe","v":[408065]})");
  CHECK(mode_text(mode::full, {tokens.data(), 1}) == R"({"a":"mode","v":["full",[408065]]})");

  std::string error;
  const auto request = parse_client_text(mode_text(mode::ltp, tokens), error);
  REQUIRE(request);
  CHECK(request->action == client_action::set_mode);
  CHECK(request->mode == mode::ltp);
  CHECK(request->tokens == tokens);
  CHECK(parse_client_text(subscribe_text(tokens), error)->tokens == tokens);
  CHECK(parse_client_text(unsubscribe_text(tokens), error)->action == client_action::unsubscribe);
}

TEST_CASE("tokens that are no numbers are ignored and counted") {
  std::string error;
  const auto request = parse_client_text(
      R"({"a":"subscribe","v":["408065",1,-1,1.5,4294967295,4294967296,null]})", error);
  REQUIRE(request);
  CHECK(request->tokens == std::vector<std::uint32_t>{1, 4294967295});
  CHECK(request->ignored == 5);
}

TEST_CASE("bad client requests are refused with the reason") {
  for (const auto* bad : {"", "x", "[]", R"({"a":"subscribe"})", R"({"a":"jump","v":[]})",
                          R"({"a":"mode","v":["fast",[1]]})", R"({"a":"mode","v":[[1]]})",
                          R"({"a":1,"v":[]})", R"({"a":"mode","v":["full",1]})"}) {
    std::string error;
    CHECK(!parse_client_text(bad, error));
    CHECK(!error.empty());
  }
}

TEST_CASE("the scanner reads what is there and nothing outside") {
  const std::string_view object =
      R"( { "a" : "x,}\"y" , "b":{"a":1}, "c" : [ {"d":2} ], "e":-1.5e2, "f":7 } )";
  CHECK(find_member(object, "a").text == R"(x,}\"y)");
  CHECK(find_member(object, "b").kind == json_kind::compound);
  CHECK(find_member(object, "d").kind == json_kind::absent);
  CHECK(find_member(object, "e").number == -150);
  CHECK(find_member(object, "f").integer == 7);
  for (std::size_t size = 0; size < object.size(); ++size) {
    const std::string cut{object.substr(0, size)};
    find_member(cut, "f");
    find_member(cut + "}", "f");
    compact(cut);
  }
}
