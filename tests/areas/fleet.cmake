# The fleet's tests run against an engine of their own making; none needs Docker.
add_library(fake_engine STATIC ${CMAKE_SOURCE_DIR}/tests/unit/fake_engine.c)
target_link_libraries(fake_engine PUBLIC base PkgConfig::LIBEVENT PkgConfig::JANSSON)
target_include_directories(fake_engine PRIVATE ${CMAKE_SOURCE_DIR}/host)

berth_unit_test(autoscaler fleet)
berth_unit_test(budget fleet)
berth_unit_test(container fleet)
berth_unit_test(instance fleet fake_engine)
berth_unit_test(instance_loss fleet fake_engine)
berth_unit_test(instance_state fleet)
berth_unit_test(instance_work fleet fake_engine)
berth_unit_test(fault fleet)
berth_unit_test(handshake fleet)
berth_unit_test(link fleet)
berth_unit_test(loss_book fleet)
berth_unit_test(dial fleet)
berth_unit_test(owner fleet)
berth_unit_test(engine_queue fleet)
berth_unit_test(init_settings fleet)
berth_unit_test(output_splitter fleet)
berth_unit_test(output_tail fleet)
berth_unit_test(pool_watch fleet)
berth_unit_test(revision_digest fleet)
berth_unit_test(output_limit fleet)
berth_unit_test(output_line fleet)
berth_unit_test(world fleet)

# Whole fleets, with real build jobs and the plugin made for tests.
function(berth_whole_fleet_test module)
    berth_unit_test(${module} ${ARGN} fake_engine)
    add_dependencies(unit_${module} berth-build-job test_plugin_acting)
    target_compile_definitions(unit_${module} PRIVATE TEST_PLUGIN_DIR="${CMAKE_BINARY_DIR}/tests/plugins"
                               BUILD_JOB_PROGRAM="$<TARGET_FILE:berth-build-job>")
endfunction()

berth_whole_fleet_test(fleet fleet)
berth_whole_fleet_test(admin admin)

# Parts of the daemon's own folder, each compiled into its test.
function(berth_daemon_test module)
    berth_unit_test(${module} ${ARGN})
    target_sources(unit_${module} PRIVATE ${CMAKE_SOURCE_DIR}/host/${module}.c)
endfunction()

berth_daemon_test(options config)
berth_daemon_test(locations config)
berth_daemon_test(notify base)
add_dependencies(unit_locations berth-build-job)

berth_fuzz_target(output_splitter fleet)
