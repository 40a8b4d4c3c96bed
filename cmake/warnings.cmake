# SPDX-License-Identifier: Apache-2.0
# One interface target carries the compiler flags that every room is built with.
add_library(multisink_flags INTERFACE)
target_include_directories(multisink_flags INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_definitions(multisink_flags INTERFACE _GNU_SOURCE MULTISINK_VERSION="${PROJECT_VERSION}")
target_compile_options(multisink_flags INTERFACE
    -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
    -Wwrite-strings -Wformat=2 -Wvla -Wimplicit-fallthrough -Wundef -Wdouble-promotion
    -fno-strict-aliasing -fno-common)
if(MULTISINK_WERROR)
    target_compile_options(multisink_flags INTERFACE -Werror)
endif()
if(MULTISINK_SANITIZE)
    target_compile_options(multisink_flags INTERFACE
        -fsanitize=${MULTISINK_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(multisink_flags INTERFACE -fsanitize=${MULTISINK_SANITIZE})
endif()
if(MULTISINK_FUZZ)
    target_compile_options(multisink_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
    # Asserts guard invariants and stay on in every build.
    string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
    set(CMAKE_C_FLAGS_RELEASE "-O2 -g" CACHE STRING "" FORCE)
    target_compile_options(multisink_flags INTERFACE
        -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection)
    target_link_options(multisink_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
