# Compiler settings shared by every target: the language level, warnings as errors, and the sanitizer of the preset.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Executables stand together at the top of the build tree, plugins in its plugins/ folder: the layout berthd expects.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

set(BERTH_SANITIZE "" CACHE STRING "Sanitizers for every host target: '', 'address,undefined' or 'thread'")

add_compile_definitions(_GNU_SOURCE)
add_compile_options(-Wall -Wextra -Wshadow -Werror -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes
                    -Wno-missing-field-initializers -fno-strict-aliasing -fvisibility=hidden)
if(NOT BERTH_SANITIZE STREQUAL "")
    add_compile_options(-fsanitize=${BERTH_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${BERTH_SANITIZE})
endif()

option(BERTH_FUZZ "Build the libFuzzer targets (clang), and every library with the coverage that guides them" OFF)
if(BERTH_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
    add_link_options(-fsanitize=fuzzer-no-link)
endif()

# A package says nothing of where it was built, and has what Debian asks of programs that listen.
option(BERTH_PACKAGE "Make what the Debian packages are made of" OFF)
if(BERTH_PACKAGE)
    add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}=. -fstack-protector-strong -D_FORTIFY_SOURCE=2)
    add_link_options(-Wl,-z,relro -Wl,-z,now)
endif()

# Takes the preset's sanitizer away from a target, for what must also run where no sanitizer can: static programs in
# small images.
function(berth_without_sanitizer target)
    foreach(property COMPILE_OPTIONS LINK_OPTIONS)
        get_target_property(options ${target} ${property})
        if(options)
            list(FILTER options EXCLUDE REGEX "sanitize|omit-frame-pointer")
            set_target_properties(${target} PROPERTIES ${property} "${options}")
        endif()
    endforeach()
endfunction()
