# Warnings are errors in every build. One interface target carries them and the sanitizers.
add_library(px_flags INTERFACE)
target_compile_definitions(px_flags INTERFACE _GNU_SOURCE)
target_include_directories(px_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(px_flags INTERFACE
	-Wall -Wextra -Werror -Wshadow -Wconversion -Wsign-conversion -Wmissing-prototypes
	-Wstrict-prototypes -Wvla -Wcast-qual -Wwrite-strings -Wundef -Wpointer-arith
	-Wold-style-definition -Wformat=2 -fno-strict-aliasing -fno-common -fstack-protector-strong)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
	target_compile_options(px_flags INTERFACE -Wlogical-op -Wduplicated-cond -Wno-format-truncation)
endif()
if(PIXELD_SANITIZE)
	target_compile_options(px_flags INTERFACE -fsanitize=${PIXELD_SANITIZE} -fno-omit-frame-pointer
		-fno-sanitize-recover=all)
	target_link_options(px_flags INTERFACE -fsanitize=${PIXELD_SANITIZE})
endif()
if(PIXELD_FUZZ)
	target_compile_options(px_flags INTERFACE -fsanitize=fuzzer-no-link)
	target_link_options(px_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
