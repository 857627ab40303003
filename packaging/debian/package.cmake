# The packages berth and berth-dev, which cpack makes of a build with BERTH_PACKAGE: scripts/package.
file(STRINGS /etc/os-release release REGEX "^VERSION_ID=")
string(REGEX REPLACE "[^0-9]" "" release "${release}")
set(folder ${CMAKE_CURRENT_SOURCE_DIR}/debian)

# What belongs below / and not below the prefix.
install(FILES global-function-definition.yml DESTINATION /etc/berth COMPONENT daemon)
install(DIRECTORY DESTINATION /etc/berth/functions COMPONENT daemon)

# Documents.
file(GLOB documents ${PROJECT_SOURCE_DIR}/docs/*.md ${PROJECT_SOURCE_DIR}/docs/*.json)
install(FILES ${documents} DESTINATION share/doc/berth COMPONENT daemon)
install(DIRECTORY recipes/ DESTINATION share/doc/berth/examples COMPONENT daemon)
foreach(package berth berth-dev)
    set(component daemon)
    if(package STREQUAL berth-dev)
        set(component sdk)
    endif()
    set(compressed ${CMAKE_CURRENT_BINARY_DIR}/${package}.changelog.gz)
    execute_process(COMMAND gzip --best --no-name --stdout ${folder}/changelog OUTPUT_FILE ${compressed} COMMAND_ERROR_IS_FATAL ANY)
    install(FILES ${compressed} DESTINATION share/doc/${package} RENAME changelog.gz COMPONENT ${component})
    install(FILES ${folder}/copyright DESTINATION share/doc/${package} COMPONENT ${component})
    install(FILES ${folder}/${package}.lintian-overrides DESTINATION share/lintian/overrides RENAME ${package} COMPONENT ${component})
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME berth)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION}+deb${release})
set(CPACK_PACKAGE_CONTACT "The people who make Berth <berth@localhost>") # it has no address of its own
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL daemon plugins sdk)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_COMPONENT_DAEMON_GROUP host)
set(CPACK_COMPONENT_PLUGINS_GROUP host)
set(CPACK_COMPONENT_SDK_GROUP dev)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL aarch64)
    set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE arm64)
endif()

# The engine comes with Debian, or is its maker's; the command line of Debian 13's is a package of its own.
set(engine "docker.io (>= 20.10) | docker-ce")
if(release GREATER_EQUAL 13)
    set(engine "${engine}, docker-cli | docker-ce-cli")
endif()
set(CPACK_DEBIAN_HOST_PACKAGE_NAME berth)
set(CPACK_DEBIAN_HOST_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_HOST_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_HOST_PACKAGE_DEPENDS
    "${engine}, mmdebstrap, ca-certificates, tzdata, init-system-helpers (>= 1.51), systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_HOST_PACKAGE_RECOMMENDS sqlite3) # for backups
set(CPACK_DEBIAN_HOST_PACKAGE_SUGGESTS "berth-dev, caddy | nginx")
set(CPACK_COMPONENT_HOST_DESCRIPTION "functions as a service on one machine
Serves the functions of a registry over HTTP: it starts a Docker container
when a request needs one, adds more under load, and removes them when they
have been idle. Functions are written in Python, Node.js or shell, or are any
container with a web server; other languages are plugins.
.
This package has the daemon, its command line and the plugins.")
set(CPACK_DEBIAN_HOST_PACKAGE_CONTROL_EXTRA ${folder}/conffiles ${folder}/postinst ${folder}/prerm ${folder}/postrm)

set(CPACK_DEBIAN_DEV_PACKAGE_NAME berth-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libjansson-dev")
if(LLHTTP_ARCHIVE)
    set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "libjansson-dev, libllhttp-dev")
endif()
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS "berth, cmake, pkg-config")
set(CPACK_COMPONENT_DEV_DESCRIPTION "what plugins and runners of Berth are built with
Headers, a CMake package and pkg-config files for plugins, by which Berth
learns another language, and a library for runners, which run functions in
containers, with an example of both.")
include(CPack)
