# A folder is a library: px_<folder>, of the sources that lie in it. A main.c is a program's, not the library's.
#
#	pixeld_folder(USES persist/format engine/base  SEES persist/disk  WITH PkgConfig::URING)
#
# USES names the folders whose headers it includes. SEES likewise, but the program chooses what is behind the
# headers: the real ring or disk, or a simulated one. WITH names foreign libraries.
# scripts/tidy.py reads the same lines: what is not named here may not be included.
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

# What stands behind headers that others SEE. A program links it by name, as objects: no order of libraries matters.
function(pixeld_behind name)
	cmake_parse_arguments(folder "" "" "SOURCES;USES;WITH" ${ARGN})
	add_library(${name} OBJECT ${folder_SOURCES})
	target_link_libraries(${name} PUBLIC px_flags ${folder_WITH})
	foreach(used ${folder_USES})
		cmake_path(GET used FILENAME library)
		target_link_libraries(${name} PUBLIC px_${library})
	endforeach()
endfunction()
