# The control plane in a played world: what is defined here stands in the place of the modules of the same functions.
add_executable(sim
    ${CMAKE_SOURCE_DIR}/tests/sim/agenda.c
    ${CMAKE_SOURCE_DIR}/tests/sim/chance.c
    ${CMAKE_SOURCE_DIR}/tests/sim/clients.c
    ${CMAKE_SOURCE_DIR}/tests/sim/containers.c
    ${CMAKE_SOURCE_DIR}/tests/sim/drills.c
    ${CMAKE_SOURCE_DIR}/tests/sim/files.c
    ${CMAKE_SOURCE_DIR}/tests/sim/main.c
    ${CMAKE_SOURCE_DIR}/tests/sim/played_background.c
    ${CMAKE_SOURCE_DIR}/tests/sim/played_builds.c
    ${CMAKE_SOURCE_DIR}/tests/sim/played_costs.c
    ${CMAKE_SOURCE_DIR}/tests/sim/played_engine.c
    ${CMAKE_SOURCE_DIR}/tests/sim/played_images.c
    ${CMAKE_SOURCE_DIR}/tests/sim/played_tcp.c
    ${CMAKE_SOURCE_DIR}/tests/sim/rules.c
    ${CMAKE_SOURCE_DIR}/tests/sim/run.c
    ${CMAKE_SOURCE_DIR}/tests/sim/runners.c
    ${CMAKE_SOURCE_DIR}/tests/sim/scenario.c
    ${CMAKE_SOURCE_DIR}/tests/sim/totals.c
    ${CMAKE_SOURCE_DIR}/tests/sim/trace.c
    ${CMAKE_SOURCE_DIR}/tests/sim/turns.c
    ${CMAKE_SOURCE_DIR}/tests/sim/virtual_time.c)
target_link_libraries(sim PRIVATE fleet)
target_include_directories(sim PRIVATE ${CMAKE_SOURCE_DIR}/host)
add_test(NAME sim COMMAND sim --seconds 30)
set_tests_properties(sim PROPERTIES COST 30)
