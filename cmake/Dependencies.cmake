# Libraries of the distribution, found once and named by imported targets.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(LIBEVENT REQUIRED IMPORTED_TARGET libevent_core>=2.1 libevent_extra>=2.1)
pkg_check_modules(LIBEVENT_PTHREADS REQUIRED IMPORTED_TARGET libevent_pthreads>=2.1)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.87)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(NCURSES REQUIRED IMPORTED_TARGET ncursesw)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(ARCHIVE REQUIRED IMPORTED_TARGET libarchive)
pkg_check_modules(NETTLE REQUIRED IMPORTED_TARGET nettle)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3>=3.40)
pkg_check_modules(GLIB REQUIRED IMPORTED_TARGET glib-2.0>=2.68)
pkg_check_modules(LIBURING REQUIRED IMPORTED_TARGET liburing>=2.0)
pkg_check_modules(CMOCKA IMPORTED_TARGET cmocka)

# llhttp, never as a shared object: a runner stands alone in an image that has none. The archive of Debian 13's
# libllhttp-dev, else the sources that Debian 12's node-llhttp ships.
find_library(LLHTTP_ARCHIVE libllhttp.a)
if(LLHTTP_ARCHIVE)
    find_path(LLHTTP_INCLUDE_DIR llhttp.h REQUIRED)
    add_library(llhttp STATIC IMPORTED)
    set_target_properties(llhttp PROPERTIES IMPORTED_LOCATION ${LLHTTP_ARCHIVE}
                          INTERFACE_INCLUDE_DIRECTORIES ${LLHTTP_INCLUDE_DIR})
else()
    find_path(LLHTTP_SOURCE_DIR llhttp.c PATHS /usr/share/llhttp NO_DEFAULT_PATH REQUIRED)
    find_path(LLHTTP_INCLUDE_DIR llhttp.h PATHS /usr/share/include/llhttp REQUIRED)
    add_library(llhttp STATIC ${LLHTTP_SOURCE_DIR}/api.c ${LLHTTP_SOURCE_DIR}/http.c ${LLHTTP_SOURCE_DIR}/llhttp.c)
    target_include_directories(llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE_DIR})
    target_compile_options(llhttp PRIVATE -w -O2)
    target_compile_definitions(llhttp PRIVATE LLHTTP_STRICT_MODE=1)
endif()

# Libraries of which only a corner is used: linked statically where there is an archive, so that the daemon maps
# neither the rest of them nor what that rest depends on (for libarchive XML, ICU, TLS and every compressor). Dropping
# unused sections is what makes their other dependencies needless; to the linker a dependency that libcurl has as well
# is none that can be dropped, so it has to be allowed to name it. Sanitizers get the shared ones.
function(berth_link_corner name archive shared)
    add_library(${name} INTERFACE)
    find_library(${name}_archive NAMES ${archive})
    if(${name}_archive AND BERTH_SANITIZE STREQUAL "" AND NOT BERTH_FUZZ)
        target_include_directories(${name} SYSTEM INTERFACE ${${shared}_INCLUDE_DIRS})
        target_link_libraries(${name} INTERFACE ${${name}_archive})
        target_link_options(${name} INTERFACE -Wl,--gc-sections,--as-needed,--copy-dt-needed-entries)
    else()
        target_link_libraries(${name} INTERFACE PkgConfig::${shared})
    endif()
endfunction()
berth_link_corner(tar_writer libarchive.a ARCHIVE)
berth_link_corner(sha256 libnettle.a NETTLE)
berth_link_corner(sodium libsodium.a SODIUM)
berth_link_corner(io_uring liburing.a LIBURING)
berth_link_corner(time_zones libglib-2.0.a GLIB)
# Debian 13's archive of GLib tells a profiler what it does, by another archive, which comes with it.
find_library(SYSPROF_ARCHIVE libsysprof-capture-4.a)
if(SYSPROF_ARCHIVE)
    target_link_libraries(time_zones INTERFACE ${SYSPROF_ARCHIVE})
endif()
