# The real gateway without Docker, a fast backend for it, and the least a proxy can do: used by tests/gateway and bench.
add_executable(gateway_driver ${CMAKE_SOURCE_DIR}/tests/peers/gateway_driver.c)
target_include_directories(gateway_driver PRIVATE ${CMAKE_SOURCE_DIR}/host)
target_link_libraries(gateway_driver PRIVATE gateway)
add_executable(echo_backend ${CMAKE_SOURCE_DIR}/tests/peers/echo_backend.c)
add_executable(bare_relay ${CMAKE_SOURCE_DIR}/tests/peers/bare_relay.c)

berth_unit_test(slot_pool gateway)
berth_unit_test(route_table gateway)
berth_unit_test(gateway_wheel gateway)
berth_unit_test(send_batch gateway)
berth_unit_test(freelist gateway)
berth_unit_test(gateway_target gateway)
