-- What 5.1 to 5.5 and LuaJIT have in common is what lua/ may use; what only
-- some have (table.unpack, jit, ...) is asked for through a field.
std = "min"
max_line_length = 100
exclude_files = { "build/**" }
read_globals = { "jit", "ngx", "vim" }
files["lua/noshell/*.d.lua"] = { ignore = { "1", "2", "3" } }
files["spec/**/*.lua"] = { std = "max+busted" }
-- Names of threads are long.
files["spec/nginx/*.lua"] = { max_line_length = 110 }
files["rockspec/*.rockspec"] = { std = "rockspec" }
