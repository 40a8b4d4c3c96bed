# SPDX-License-Identifier: Apache-2.0
multisink_fuzz(log_recover ROOMS log)
target_sources(fuzz_log_recover PRIVATE ${PROJECT_SOURCE_DIR}/tests/sim/disk.c)
target_include_directories(fuzz_log_recover PRIVATE ${PROJECT_SOURCE_DIR}/tests)
