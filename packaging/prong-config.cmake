# find_package(prong) for CMake: the target prong::prong, from what pkg-config knows of the installed library.
include(CMakeFindDependencyMacro)
find_dependency(PkgConfig)
pkg_check_modules(prong REQUIRED IMPORTED_TARGET GLOBAL prong)
if(NOT TARGET prong::prong)
  add_library(prong::prong ALIAS PkgConfig::prong)
endif()
