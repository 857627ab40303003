# The fleet's tests run against an engine of their own making; none needs Docker.
add_library(fake_engine STATIC ${CMAKE_SOURCE_DIR}/tests/unit/fake_engine.c)
target_link_libraries(fake_engine PUBLIC base PkgConfig::LIBEVENT PkgConfig::JANSSON)
target_include_directories(fake_engine PRIVATE ${CMAKE_SOURCE_DIR}/host)

berth_unit_test(autoscaler fleet)
berth_unit_test(instance fleet fake_engine)
berth_unit_test(handshake fleet)
berth_unit_test(dial fleet)
berth_unit_test(output_line fleet)
berth_unit_test(slot_pool_end gateway)
berth_unit_test(fleet fleet fake_engine)
add_dependencies(unit_fleet berth-build-job test_plugin_acting)
target_compile_definitions(unit_fleet PRIVATE TEST_PLUGIN_DIR="${CMAKE_BINARY_DIR}/tests/plugins"
                           BUILD_JOB_PROGRAM="$<TARGET_FILE:berth-build-job>")
