#include "reply_reader.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace sluice::redis {

/// The reply functions (those of strings that are answers keep the whole text). Only the outermost
/// value is kept, and of an array the first three elements if they are texts; what else it holds is
/// parsed and passed over. They answer the reader itself: hiredis takes null for a failed
/// allocation.
struct reply_reader::functions {
  static reply_reader& of(const redisReadTask* task) {
    return *static_cast<reply_reader*>(task->privdata);
  }
  static bool outermost(const redisReadTask* task) { return task->parent == nullptr; }

  static void* text(const redisReadTask* task, char* data, std::size_t size) {
    reply_reader& self = of(task);
    const std::size_t kept = std::min(size, text_max);
    if (!outermost(task)) {
      const auto position = static_cast<std::size_t>(task->idx);
      if (task->parent->parent != nullptr || position >= self.reply_.head.size()) return &self;
      std::memcpy(self.head_[position], data, kept);
      self.reply_.head[position] = {self.head_[position], kept};
      return &self;
    }
    if (task->type == REDIS_REPLY_STRING) {
      self.string_.assign(data, size);
      self.reply_ = {reply_kind::string, 0, self.string_, {}};
      return &self;
    }
    std::memcpy(self.text_, data, kept);
    const reply_kind kind =
        task->type == REDIS_REPLY_ERROR ? reply_kind::error : reply_kind::status;
    self.reply_ = {kind, 0, {self.text_, kept}, {}};
    return &self;
  }
  static void* array(const redisReadTask* task, int elements) {
    reply_reader& self = of(task);
    if (outermost(task)) self.reply_ = {reply_kind::array, elements, {}, {}};
    return &self;
  }
  static void* integer(const redisReadTask* task, long long value) {
    reply_reader& self = of(task);
    if (outermost(task)) self.reply_ = {reply_kind::integer, value, {}, {}};
    return &self;
  }
  static void* nil(const redisReadTask* task) {
    reply_reader& self = of(task);
    if (outermost(task)) self.reply_ = {reply_kind::nil, 0, {}, {}};
    return &self;
  }
  static void free(void*) {}  // nothing was allocated

  static inline redisReplyObjectFunctions table{&text, &array, &integer, &nil, &free};
};

reply_reader::reply_reader() {
  string_.reserve(text_max);
  reset();
}

reply_reader::~reply_reader() { redisReaderFree(reader_); }

void reply_reader::reset() {
  redisReader* made = redisReaderCreateWithFunctions(&functions::table);
  if (made == nullptr) throw std::bad_alloc{};
  if (reader_ != nullptr) redisReaderFree(reader_);
  reader_ = made;
  reader_->privdata = this;
  reader_->maxbuf = 0;  // keep the buffer; `feed` bounds it
}

bool reply_reader::feed(std::span<const char> bytes) {
  if (reader_->len - reader_->pos + bytes.size() > unread_max) return false;
  return redisReaderFeed(reader_, bytes.data(), bytes.size()) == REDIS_OK;
}

reply_reader::result reply_reader::next(reply& out) {
  void* done = nullptr;
  if (redisReaderGetReply(reader_, &done) != REDIS_OK) return result::broken;
  if (done == nullptr) return result::more;
  out = reply_;
  return result::reply;
}

}  // namespace sluice::redis
