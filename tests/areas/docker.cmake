# The Engine API client. unit_docker_engine needs a real engine and skips without one.
berth_unit_test(docker_streams docker PkgConfig::JANSSON PkgConfig::ARCHIVE)
berth_unit_test(docker_fake docker)

berth_fuzz_target(log_frames docker)
berth_fuzz_target(json_lines docker PkgConfig::JANSSON)
