# What keeps the sanitizer builds short.

# sluice_precompile(target): the standard headers are parsed once for all targets instead of in each
# of their files, and for a unit test doctest too. Under a sanitizer alone, where most of the building
# is done: the plain build is the one in which each file must include what it uses.
function(sluice_precompile target)
  if(NOT TARGET sluice_precompiled)
    return()
  endif()
  get_target_property(type ${target} TYPE)
  set(from sluice_precompiled)
  if(type STREQUAL "EXECUTABLE")
    set(from sluice_precompiled_test)
  endif()
  target_precompile_headers(${target} REUSE_FROM ${from})
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)  # for ccache
endfunction()

# sluice_beast_source(file): it instantiates Beast's templates, of which a sanitizer makes so much code
# that they take minutes to optimize.
function(sluice_beast_source file)
  if(SLUICE_SANITIZE)
    set_source_files_properties(${file} PROPERTIES COMPILE_OPTIONS -O0
      SKIP_PRECOMPILE_HEADERS ON)
  endif()
endfunction()

if(NOT SLUICE_SANITIZE OR NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  return()
endif()
set(headers <algorithm> <array> <atomic> <charconv> <chrono> <cmath> <cstdint> <cstdio> <cstdlib>
  <cstring> <deque> <filesystem> <functional> <map> <memory> <mutex> <optional> <set> <span>
  <stdexcept> <string> <string_view> <thread> <unordered_map> <utility> <vector>)
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/precompiled.cpp CONTENT "")
add_library(sluice_precompiled OBJECT ${CMAKE_CURRENT_BINARY_DIR}/precompiled.cpp)
target_link_libraries(sluice_precompiled PRIVATE sluice_build)
target_precompile_headers(sluice_precompiled PRIVATE ${headers})

# As a unit test is compiled: a program, not optimized.
add_library(sluice_precompiled_test OBJECT ${CMAKE_CURRENT_BINARY_DIR}/precompiled.cpp)
set_target_properties(sluice_precompiled_test PROPERTIES POSITION_INDEPENDENT_CODE OFF)
target_compile_options(sluice_precompiled_test PRIVATE -fPIE -O0)
target_link_libraries(sluice_precompiled_test PRIVATE sluice_build)
target_precompile_headers(sluice_precompiled_test PRIVATE ${headers} <doctest/doctest.h>)
