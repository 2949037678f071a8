# The extension's object. It takes longest to compile, and Ninja begins with the targets that were made first: the project
# includes this before it makes any other.
find_package(Python3 REQUIRED COMPONENTS Interpreter Development.Module)

# Sources may come with the extension already translated to C.
set(tcpk_extension_c "${CMAKE_CURRENT_LIST_DIR}/_cython_backend.c")
if(NOT EXISTS "${tcpk_extension_c}")
  execute_process(
    COMMAND "${Python3_EXECUTABLE}" -m cython --version
    RESULT_VARIABLE tcpk_cython_missing
    OUTPUT_QUIET ERROR_QUIET)
  if(tcpk_cython_missing)
    message(FATAL_ERROR "${Python3_EXECUTABLE} has no Cython: install cython3 (Debian, Ubuntu) or cython (pip)")
  endif()
  set(tcpk_pyx "${CMAKE_CURRENT_LIST_DIR}/tcpkernels/_cython_backend.pyx")
  set(tcpk_extension_c "${CMAKE_BINARY_DIR}/python/_cython_backend.c")
  add_custom_command(
    OUTPUT "${tcpk_extension_c}"
    COMMAND "${Python3_EXECUTABLE}" -m cython -3 -o "${tcpk_extension_c}" "${tcpk_pyx}"
    DEPENDS "${tcpk_pyx}" "${CMAKE_CURRENT_LIST_DIR}/tcpkernels/_tcpk.pxi"
            "${CMAKE_CURRENT_LIST_DIR}/tcpkernels/_ring.pxi"
    COMMENT "Cython: _cython_backend.pyx"
    VERBATIM)
endif()

add_library(tcpk_extension OBJECT "${tcpk_extension_c}")
target_link_libraries(tcpk_extension PRIVATE Python3::Module)
target_include_directories(tcpk_extension PRIVATE include)
# Generated code is not held to our warnings. It only passes on what it is given: optimized further it would take twice
# as long to compile.
target_compile_options(tcpk_extension PRIVATE -w -O1)
