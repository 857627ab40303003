# The Node.js plugin through its C interface, in the build tree at hand (so also under the sanitizers).
if(TARGET plugin_node)
    add_test(NAME node_plugin
             COMMAND /usr/bin/python3 -B -m pytest -q -p no:cacheprovider ${CMAKE_SOURCE_DIR}/tests/node/test_plugin.py)
    set_tests_properties(node_plugin PROPERTIES COST 20
        ENVIRONMENT "BERTH_BUILD_DIR=${CMAKE_BINARY_DIR};PYTHONDONTWRITEBYTECODE=1")
endif()
