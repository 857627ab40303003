# Installs the SDK of a build tree and builds the plugins that stand outside of it against the installed one:
#   cmake -DBUILD=<build tree> -DINTO=<folder> -P tests/peers/build.cmake
# gives INTO/sdk, INTO/toy (toy.so, image/), INTO/locked (locked.so, image/, builder/),
# INTO/stubborn (stubborn.so, image/), INTO/bad and INTO/poor (*.so).
function(run)
    execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "${ARGN}\n${output}")
    endif()
endfunction()

file(REMOVE_RECURSE ${INTO})
run(${CMAKE_COMMAND} --install ${BUILD} --component sdk --prefix ${INTO}/sdk)
foreach(peer toy locked bad poor stubborn)
    run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/${peer} -B ${INTO}/${peer} -DCMAKE_PREFIX_PATH=${INTO}/sdk)
    run(${CMAKE_COMMAND} --build ${INTO}/${peer})
endforeach()
