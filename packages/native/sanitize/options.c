/* Options of the sanitizers, for the whole program that the end-to-end suites run (make SANITIZE=1). */
#include <sanitizer/asan_interface.h>

const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

/* Programs of the parts end by _exit() or execve(), where leaks are not looked for. A container's child has no /tmp of the
   host, so reports go where errors of the program go. */
const char *__asan_default_options(void) {
  return "detect_leaks=0:abort_on_error=1:handle_segv=1";
}
const char *__ubsan_default_options(void) {
  return "print_stacktrace=1:abort_on_error=1";
}
