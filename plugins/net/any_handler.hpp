// A completion handler of any type. Boost 1.82 has one; Debian 12 has 1.81.
#pragma once

#include <boost/asio/associated_allocator.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace sluice::net {

/// Called once, or destroyed uncalled. Keeps the handler in memory of the handler's own allocator,
/// and gives it back before the call, as Asio promises: the next operation may use it again. What
/// is done until then takes its memory from the Allocator.
template <typename Allocator, typename... Results>
class any_handler {
 public:
  using allocator_type = Allocator;
  allocator_type get_allocator() const noexcept { return allocator_; }

  template <typename Handler>
  any_handler(Handler&& handler, const Allocator& allocator)
      : allocator_{allocator},
        kept_{kept<std::decay_t<Handler>>::make(std::forward<Handler>(handler))} {}

  void operator()(Results... results) { kept_.release()->call(results...); }

 private:
  struct base {
    virtual void call(Results... results) = 0;
    virtual void drop() = 0;

   protected:
    ~base() = default;
  };
  struct dropped {
    void operator()(base* handler) const { handler->drop(); }
  };

  template <typename Handler>
  struct kept final : base {
    using allocator = typename std::allocator_traits<
        boost::asio::associated_allocator_t<Handler>>::template rebind_alloc<kept>;

    template <typename Given>
    static base* make(Given&& handler) {
      allocator memory{boost::asio::get_associated_allocator(handler)};
      kept* const place = memory.allocate(1);
      try {
        return new (place) kept{std::forward<Given>(handler)};
      } catch (...) {
        memory.deallocate(place, 1);
        throw;
      }
    }
    template <typename Given>
    explicit kept(Given&& given) : handler{std::forward<Given>(given)} {}

    Handler take() {
      allocator memory{boost::asio::get_associated_allocator(handler)};
      Handler taken{std::move(handler)};
      this->~kept();
      memory.deallocate(this, 1);
      return taken;
    }
    void call(Results... results) override { take()(results...); }
    void drop() override { take(); }

    Handler handler;
  };

  Allocator allocator_;
  std::unique_ptr<base, dropped> kept_;
};

}  // namespace sluice::net
