# The Engine API client. unit_docker_engine and unit_docker_images need a real engine and skip without one.
berth_unit_test(docker_answers docker)
berth_unit_test(docker_connections docker)
berth_unit_test(docker_engine docker)
berth_unit_test(docker_images docker)
berth_unit_test(docker_long_calls docker)
berth_unit_test(docker_streams docker PkgConfig::JANSSON PkgConfig::ARCHIVE)
berth_unit_test(image_reference docker)
berth_fuzz_target(docker_answers docker)
berth_fuzz_target(image_reference docker)
berth_fuzz_target(log_frames docker)
berth_fuzz_target(json_lines docker PkgConfig::JANSSON)

# The program in the test image: static, and without the sanitizers that need a dynamic one.
add_executable(docker_program ${CMAKE_SOURCE_DIR}/tests/unit/docker_program.c)
target_compile_options(docker_program PRIVATE -fno-sanitize=all)
target_link_options(docker_program PRIVATE -fno-sanitize=all -static)
foreach(module docker_engine docker_images)
    add_dependencies(unit_${module} docker_program)
    target_compile_definitions(unit_${module} PRIVATE DOCKER_PROGRAM="$<TARGET_FILE:docker_program>")
endforeach()
# Some fifty things that the engine does one after the other: seconds on a machine at rest, minutes on one whose disk
# and processors others keep busy.
set_tests_properties(unit_docker_engine unit_docker_images PROPERTIES TIMEOUT 600 RUN_SERIAL TRUE)
