# The Python plugin through its C interface, in the build tree at hand (so also under the sanitizers). The runner and
# the analysis need no build: scripts/test runs tests/python by itself.
if(TARGET plugin_python)
    add_executable(plugin_probe ${CMAKE_SOURCE_DIR}/tests/python/plugin_probe.c)
    target_link_libraries(plugin_probe PRIVATE berth_sdk PkgConfig::JANSSON ${CMAKE_DL_LIBS})
    add_test(NAME python_plugin
             COMMAND /usr/bin/python3 -B -m pytest -q -p no:cacheprovider ${CMAKE_SOURCE_DIR}/tests/python/test_plugin.py)
    set_tests_properties(python_plugin PROPERTIES
        ENVIRONMENT "BERTH_BUILD_DIR=${CMAKE_BINARY_DIR};PYTHONDONTWRITEBYTECODE=1")
endif()
