-- A program whose name is a word of the shell's grammar, such as "if", stood
-- unquoted in front of its command line. Read back by sh, that line began a
-- condition, or timed a pipeline, instead of naming the program.
local noshell = require "noshell"

describe("a program named as a reserved word", function()
  it("is quoted as the first word only", function()
    assert.equal("'if' if then", noshell.command("if", "if", "then"):to_string())
    assert.equal("A=*** 'time'", noshell.command("time"):add_env_pair("A", 1):to_string())
    assert.equal("'do' x", noshell.command("/opt/do", "x"):to_string { strip_path = true })
    assert.equal("/opt/do x", noshell.command("/opt/do", "x"):to_string())
  end)
end)
