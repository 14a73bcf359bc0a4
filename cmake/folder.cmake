# A folder is a library, px_<folder>, built from its sources. A main.c belongs to a program, not to the library.
#
#	pixeld_folder(USES persist/format engine/base  SEES persist/disk  WITH PkgConfig::URING)
#
# USES names the folders whose headers it includes. So does SEES, but the program chooses the implementation of
# the headers: the real ring or disk, or a simulated one. WITH names third-party libraries.
# scripts/tidy.py reads the same lines: a folder that is not named here must not be included.
function(pixeld_folder)
	cmake_parse_arguments(folder "" "" "USES;SEES;WITH" ${ARGN})
	cmake_path(GET CMAKE_CURRENT_SOURCE_DIR FILENAME name)
	file(GLOB sources CONFIGURE_DEPENDS *.c)
	list(FILTER sources EXCLUDE REGEX "/main\\.c$")
	add_library(px_${name} STATIC ${sources})
	target_link_libraries(px_${name} PUBLIC px_flags PRIVATE ${folder_WITH})
	foreach(used ${folder_USES})
		cmake_path(GET used FILENAME library)
		target_link_libraries(px_${name} PUBLIC px_${library})
	endforeach()
endfunction()

# An implementation of headers that others SEE. A program links it by name, as objects, so the order of libraries does not matter.
function(pixeld_behind name)
	cmake_parse_arguments(folder "" "" "SOURCES;USES;WITH" ${ARGN})
	add_library(${name} OBJECT ${folder_SOURCES})
	target_link_libraries(${name} PUBLIC px_flags ${folder_WITH})
	foreach(used ${folder_USES})
		cmake_path(GET used FILENAME library)
		target_link_libraries(${name} PUBLIC px_${library})
	endforeach()
endfunction()
