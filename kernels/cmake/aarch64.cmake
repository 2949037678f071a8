# Cross compilation for aarch64 with Debian's gcc; the tests run under qemu-user. TCPK_SYSROOT is a folder with the
# unpacked arm64 packages libcmocka-dev libcmocka0 libblas3 liblapack3 libgfortran5 (tcp_performance/variant_stages.py).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES TCPK_SYSROOT)

set(tcpk_libraries ${TCPK_SYSROOT}/usr/lib/aarch64-linux-gnu)
set(TCPK_BLAS ${tcpk_libraries}/blas/libblas.so.3 CACHE FILEPATH "")
set(TCPK_LAPACK ${tcpk_libraries}/lapack/liblapack.so.3 CACHE FILEPATH "")
set(TCPK_CMOCKA ${tcpk_libraries}/libcmocka.so CACHE FILEPATH "")
set(TCPK_CMOCKA_INCLUDE ${TCPK_SYSROOT}/usr/include CACHE PATH "")
# Valgrind cannot run beside qemu.
set(TCPK_VALGRIND_INCLUDE TCPK_VALGRIND_INCLUDE-NOTFOUND CACHE PATH "")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,-rpath-link,${tcpk_libraries}:${tcpk_libraries}/blas")

set(tcpk_search ${tcpk_libraries}:${tcpk_libraries}/blas:${tcpk_libraries}/lapack)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH=${tcpk_search})
