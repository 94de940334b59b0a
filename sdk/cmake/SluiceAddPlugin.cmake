# sluice_add_plugin(name SOURCES file... [LIBRARIES target...] [OUTPUT dir])
#
# <name>.so as the loader wants it: one exported symbol, hidden visibility, no unique symbols that
# would keep it from being replaced. With BUILD_TESTING or SLUICE_TESTS and a <name>_test.cpp beside
# it, also the ctest test <name>_test, which links the objects and the harness sluice::testing.
function(sluice_add_plugin name)
  set(version_script ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.version)
  cmake_parse_arguments(ARG "" "OUTPUT" "SOURCES;LIBRARIES" ${ARGN})
  if(NOT ARG_OUTPUT)
    set(ARG_OUTPUT ${CMAKE_BINARY_DIR}/lib/sluice/plugins)
  endif()

  add_library(${name}_objects OBJECT ${ARG_SOURCES})
  set_target_properties(${name}_objects PROPERTIES POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(${name}_objects PRIVATE
    $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-fno-gnu-unique>)
  target_link_libraries(${name}_objects PUBLIC sluice::sdk ${ARG_LIBRARIES})
  if(TARGET sluice_build)
    target_link_libraries(${name}_objects PRIVATE sluice_build)
  endif()

  add_library(${name} MODULE $<TARGET_OBJECTS:${name}_objects>)
  set_target_properties(${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
    LIBRARY_OUTPUT_DIRECTORY ${ARG_OUTPUT} LINK_DEPENDS ${version_script})
  target_link_libraries(${name} PRIVATE sluice::sdk ${ARG_LIBRARIES})
  target_link_options(${name} PRIVATE LINKER:--version-script=${version_script}
    LINKER:--exclude-libs,ALL)

  set(test_source ${CMAKE_CURRENT_SOURCE_DIR}/${name}_test.cpp)
  if(EXISTS ${test_source} AND TARGET sluice::testing AND COMMAND sluice_add_test)
    file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cpp)
    sluice_add_test(${name}_test SOURCES ${tests} LIBRARIES ${name}_objects sluice::testing)
  elseif(EXISTS ${test_source} AND BUILD_TESTING)
    add_executable(${name}_test ${test_source})
    target_link_libraries(${name}_test PRIVATE ${name}_objects sluice::testing)
    add_test(NAME ${name}_test COMMAND ${name}_test)
  endif()
endfunction()
