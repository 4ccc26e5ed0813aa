# The control tool.
add_executable(regentctl regentctl.cpp environment.cpp ctl_database.cpp ctl_terminal.cpp ctl_world.cpp)
target_include_directories(regentctl PRIVATE ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(regentctl PRIVATE regent_ctl regent_net regent_dcs_etcd3 PostgreSQL::PostgreSQL)
regent_lean_program(regentctl)
add_custom_command(TARGET regentctl POST_BUILD
  COMMAND ${CMAKE_COMMAND} -E create_symlink regentctl $<TARGET_FILE_DIR:regentctl>/patronictl)
