#pragma once

#include <stddef.h>
#include <stdint.h>

// libFuzzer's loop, for programs that have a main of their own. It comes with the compiler: `-sanitize=fuzzer` links it.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*test)(const uint8_t *bytes, size_t count));
