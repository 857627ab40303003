# The Python plugin through its C interface, in the build tree at hand (so also under the sanitizers). The runner and
# the analysis need no build: scripts/test runs tests/python by itself.
if(TARGET plugin_python)
    add_executable(plugin_probe ${CMAKE_SOURCE_DIR}/tests/python/plugin_probe.c)
    target_link_libraries(plugin_probe PRIVATE berth_sdk PkgConfig::JANSSON ${CMAKE_DL_LIBS})
    add_test(NAME python_plugin
             COMMAND /usr/bin/python3 -B -m pytest -q -p no:cacheprovider ${CMAKE_SOURCE_DIR}/tests/python/test_plugin.py)
    set_tests_properties(python_plugin PROPERTIES COST 20
        ENVIRONMENT "BERTH_BUILD_DIR=${CMAKE_BINARY_DIR};PYTHONDONTWRITEBYTECODE=1")
endif()

# The runner's C module with AddressSanitizer, in a folder of its own, under the tests that go through it most.
if(TARGET plugin_python AND BERTH_SANITIZE MATCHES "address" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    set(checked_runner ${CMAKE_BINARY_DIR}/tests/python/runner)
    add_accelerator(python_accelerator_test ${CMAKE_BINARY_DIR}/tests/python)
    add_dependencies(python_accelerator_test plugin_python_image)
    add_custom_command(TARGET python_accelerator_test POST_BUILD
        COMMAND ${CMAKE_COMMAND} -E copy_directory ${CMAKE_BINARY_DIR}/plugins/python/image/runner ${checked_runner}
        COMMAND ${CMAKE_COMMAND} -E copy $<TARGET_FILE:python_accelerator_test> ${checked_runner}/berth_runner
        VERBATIM)
    set(accelerator_tests test_accelerator.py test_events.py test_requests.py test_returns.py test_streaming.py)
    list(TRANSFORM accelerator_tests PREPEND ${CMAKE_SOURCE_DIR}/tests/python/)
    add_test(NAME python_accelerator
             COMMAND /usr/bin/python3 -B -m pytest -q -p no:cacheprovider ${accelerator_tests})
    set_tests_properties(python_accelerator PROPERTIES COST 40
        ENVIRONMENT "BERTH_BUILD_DIR=${CMAKE_BINARY_DIR};PYTHONDONTWRITEBYTECODE=1")
endif()

# Its reader of heads alone.
if(BERTH_FUZZ)
    add_library(python_head STATIC ${CMAKE_SOURCE_DIR}/plugins/python/accelerator/head.c)
    target_include_directories(python_head PUBLIC ${CMAKE_SOURCE_DIR}/plugins/python/accelerator)
endif()
berth_fuzz_target(python_head python_head)
