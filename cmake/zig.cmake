# A toolchain for any target of dist/targets.txt, by the pinned zig: its clang, its libc++, its C libraries.
# Given by dist/build.py: QUIPU_ZIG_TARGET, QUIPU_ZIG_SYSTEM, QUIPU_ZIG_PROCESSOR.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES QUIPU_ZIG_TARGET QUIPU_ZIG_SYSTEM QUIPU_ZIG_PROCESSOR)
set(CMAKE_SYSTEM_NAME ${QUIPU_ZIG_SYSTEM})
set(CMAKE_SYSTEM_PROCESSOR ${QUIPU_ZIG_PROCESSOR})
set(CMAKE_CROSSCOMPILING TRUE)

get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
set(zig "${root}/build/deps/ziglang/ziglang/zig")
set(QUIPU_ZIG "${zig}")
set(CMAKE_CXX_COMPILER "${zig}" c++)
set(CMAKE_CXX_COMPILER_TARGET "${QUIPU_ZIG_TARGET}")
set(CMAKE_C_COMPILER "${zig}" cc)
set(CMAKE_C_COMPILER_TARGET "${QUIPU_ZIG_TARGET}")
foreach(language C CXX)
  set(CMAKE_${language}_ARCHIVE_CREATE "\"${zig}\" ar qcD <TARGET> <OBJECTS>")
  set(CMAKE_${language}_ARCHIVE_APPEND "\"${zig}\" ar qD <TARGET> <OBJECTS>")
  set(CMAKE_${language}_ARCHIVE_FINISH "\"${zig}\" ranlib -D <TARGET>")
endforeach()
set(CMAKE_INSTALL_NAME_TOOL "true" CACHE STRING "nothing is installed")

# The program's bytes must not tell where it was built. zig would add its sanitizer of undefined behaviour and frame
# pointers by itself.
set(CMAKE_CXX_FLAGS_INIT "-g0 -fno-sanitize=all -fomit-frame-pointer -Wno-unused-command-line-argument \"-ffile-prefix-map=${root}=.\"")
# By the linker's flags zig chooses how its own libraries are compiled. No trial links, which would compile them once more.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-s -Oz")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_CXX_LINK_EXECUTABLE "python3 \"${root}/dist/link.py\" <CMAKE_CXX_COMPILER> <FLAGS> <CMAKE_CXX_LINK_FLAGS> \
<LINK_FLAGS> <OBJECTS> -o <TARGET> <LINK_LIBRARIES>")

set(CMAKE_FIND_ROOT_PATH "${root}/build/none") # no library of this machine
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
