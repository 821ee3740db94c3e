// The table of languages: words that their own documentation lists as reserved or built in, cut to those that occur. A
// language that shares most of its words with another shares its row.
#include <string>

#include "chat/highlight/languages.h"

namespace quipu::chat {
namespace {

constexpr StringRule kDoubleSingle[] = {{"\"", "\"", true, false}, {"'", "'", true, false}};
constexpr StringRule kStringsCpp[] = {{"R\"(", ")\"", false, true}, {"\"", "\"", true, false}, {"'", "'", true, false}};
constexpr StringRule kStringsCsharp[] = {
    {"@\"", "\"", false, true}, {"\"", "\"", true, false}, {"'", "'", true, false}};
constexpr StringRule kStringsJava[] = {
    {"\"\"\"", "\"\"\"", true, true}, {"\"", "\"", true, false}, {"'", "'", true, false}};
constexpr StringRule kStringsJavascript[] = {
    {"\"", "\"", true, false}, {"'", "'", true, false}, {"`", "`", true, true}};
constexpr StringRule kStringsPython[] = {
    {"\"\"\"", "\"\"\"", true, true}, {"'''", "'''", true, true}, {"\"", "\"", true, false}, {"'", "'", true, false}};
constexpr StringRule kStringsRuby[] = {{"\"", "\"", true, false}, {"'", "'", true, false}, {"`", "`", true, false}};
constexpr StringRule kStringsGo[] = {{"\"", "\"", true, false}, {"'", "'", true, false}, {"`", "`", false, true}};
constexpr StringRule kStringsRust[] = {{"r#\"", "\"#", false, true}, {"\"", "\"", true, true}};
constexpr StringRule kStringsSwift[] = {{"\"\"\"", "\"\"\"", true, true}, {"\"", "\"", true, false}};
constexpr StringRule kStringsLua[] = {{"\"", "\"", true, false}, {"'", "'", true, false}, {"[[", "]]", false, true}};
constexpr StringRule kStringsHaskell[] = {{"\"", "\"", true, false}};
constexpr StringRule kStringsBash[] = {{"\"", "\"", true, false}, {"'", "'", false, true}, {"`", "`", true, false}};
constexpr StringRule kStringsPowershell[] = {{"\"", "\"", true, false}, {"'", "'", false, true}};
constexpr StringRule kStringsSql[] = {{"'", "'", false, false}, {"\"", "\"", true, false}, {"`", "`", true, false}};
constexpr StringRule kStringsHtml[] = {{"\"", "\"", true, true}, {"'", "'", true, true}};
constexpr StringRule kStringsToml[] = {
    {"\"\"\"", "\"\"\"", true, true}, {"\"", "\"", true, false}, {"'", "'", false, true}};
constexpr StringRule kStringsFortran[] = {{"\"", "\"", true, false}, {"'", "'", false, false}};

constexpr Language kLanguages[] = {
    Language{.names = "c h",
             .keywords = "#define #elif #else #endif #error #if #ifdef #ifndef #include #pragma #undef auto break case "
                         "const continue default do else enum extern for goto if inline register restrict return "
                         "sizeof static struct switch typedef union volatile while",
             .types = "FILE NULL bool char double false float int int16_t int32_t int64_t int8_t long short signed "
                      "size_t ssize_t true uint16_t uint32_t uint64_t uint8_t uintptr_t unsigned void",
             .strings = kDoubleSingle,
             .word_characters = "#"},
    Language{
        .names = "cpp c++ cc cxx hpp hh cuda cu",
        .keywords =
            "#define #elif #else #endif #if #ifdef #ifndef #include #pragma #undef alignas alignof and asm auto break "
            "case catch class co_await co_return co_yield concept const const_cast consteval constexpr constinit "
            "continue decltype default delete do dynamic_cast else enum explicit export extern final for friend goto "
            "if inline mutable namespace new noexcept not operator or override private protected public register "
            "reinterpret_cast requires return sizeof static static_assert static_cast struct switch template this "
            "thread_local throw try typedef typeid typename union using virtual volatile while",
        .types = "bool char char16_t char32_t char8_t double false float int int16_t int32_t int64_t int8_t long map "
                 "nullptr optional set shared_ptr short signed size_t std string true uint16_t uint32_t uint64_t "
                 "uint8_t unique_ptr unsigned vector void wchar_t",
        .strings = kStringsCpp,
        .word_characters = "#"},
    Language{
        .names = "csharp cs c#",
        .keywords = "abstract as async await base break case catch checked class const continue default delegate do "
                    "else enum event explicit extern finally fixed for foreach get goto if implicit in init interface "
                    "internal is lock namespace new operator out override params partial private protected public "
                    "readonly record ref return sealed set sizeof stackalloc static struct switch this throw try "
                    "typeof unchecked unsafe using value var virtual volatile when where while with yield",
        .types = "bool byte char decimal double dynamic false float int long nint null object sbyte short string true "
                 "uint ulong ushort void",
        .strings = kStringsCsharp},
    Language{
        .names = "java",
        .keywords = "abstract assert break case catch class const continue default do else enum extends final finally "
                    "for goto if implements import instanceof interface native new package permits private protected "
                    "public record return sealed static strictfp super switch synchronized this throw throws transient "
                    "try var volatile while yield",
        .types = "Integer List Map Object String boolean byte char double false float int long null short true void",
        .strings = kStringsJava,
        .attribute = '@'},
    Language{.names = "javascript js jsx mjs node",
             .keywords = "arguments as async await break case catch class const continue debugger default delete do "
                         "else export extends finally for from function get if import in instanceof let new of return "
                         "set static super switch this throw try typeof var void while with yield",
             .types = "Array Boolean Date Error Infinity JSON Map Math NaN Number Object Promise RegExp Set String "
                      "Symbol console document false null true undefined window",
             .strings = kStringsJavascript},
    Language{
        .names = "typescript ts tsx",
        .keywords = "abstract any as asserts async await break case catch class const continue declare default delete "
                    "do else enum export extends finally for from function get if implements import in infer "
                    "instanceof interface is keyof let module namespace new of override private protected public "
                    "readonly return satisfies set static super switch this throw try type typeof var void while yield",
        .types = "Array Boolean Date Error Map Number Object Partial Promise Record Set String bigint boolean console "
                 "false never null number object string symbol true undefined unknown",
        .strings = kStringsJavascript,
        .attribute = '@'},
    Language{
        .names = "python py python3 ipython",
        .keywords = "and as assert async await break case class continue def del elif else except finally for from "
                    "global if import in is lambda match nonlocal not or pass raise return try while with yield",
        .types =
            "ArithmeticError Exception False IndexError KeyError None True TypeError ValueError bool bytes dict "
            "enumerate float int len list map object open print range self set sorted str sum super tuple type zip",
        .line_comments = "#",
        .block_open = "",
        .block_close = "",
        .strings = kStringsPython,
        .attribute = '@'},
    Language{
        .names = "ruby rb",
        .keywords =
            "BEGIN END alias and attr_accessor attr_reader attr_writer begin break case class def defined? do else "
            "elsif end ensure extend for if in include loop module next not or private protected public puts raise "
            "redo require require_relative rescue retry return self super then undef unless until when while yield",
        .types = "Array Hash Integer String Symbol false nil true",
        .line_comments = "#",
        .block_open = "=begin",
        .block_close = "=end",
        .strings = kStringsRuby,
        .sigil = '@'},
    Language{.names = "go golang",
             .keywords = "break case chan const continue default defer else fallthrough for func go goto if import "
                         "interface map package range return select struct switch type var",
             .types = "any append bool byte cap close complex128 complex64 copy delete error false float32 float64 int "
                      "int16 int32 int64 int8 iota len make new nil panic print println recover rune string true uint "
                      "uint16 uint32 uint64 uint8 uintptr",
             .strings = kStringsGo},
    Language{
        .names = "rust rs",
        .keywords =
            "as async await break const continue crate dyn else enum extern fn for if impl in let loop macro_rules "
            "match mod move mut pub ref return self static struct super trait type union unsafe use where while",
        .types = "Box Err None Ok Option Result Self Some String Vec bool char f32 f64 false i128 i16 i32 i64 i8 isize "
                 "str true u128 u16 u32 u64 u8 usize",
        .strings = kStringsRust,
        .word_characters = "!"},
    Language{
        .names = "swift",
        .keywords =
            "actor as associatedtype async await break case catch class continue default defer deinit didSet do else "
            "enum extension fallthrough fileprivate for func get guard if import in init inout internal is lazy let "
            "mutating open operator override private protocol public repeat rethrows return self set some static "
            "struct subscript super switch throw throws try typealias unowned var weak where while willSet",
        .types =
            "Any Array Bool Character Dictionary Double Float Int Never Optional Set String UInt Void false nil true",
        .strings = kStringsSwift,
        .attribute = '@'},
    Language{
        .names = "kotlin kt kts",
        .keywords =
            "abstract actual annotation as break by catch class companion const constructor continue crossinline data "
            "do else enum expect external final finally for fun get if import in infix init inline inner interface "
            "internal is lateinit noinline object open operator out override package private protected public reified "
            "return sealed set super suspend tailrec this throw try typealias val value var vararg when where while",
        .types = "Any Array Boolean Byte Char Double Float Int List Long Map Nothing Short String Unit false null true",
        .strings = kStringsJava,
        .attribute = '@'},
    Language{
        .names = "scala",
        .keywords = "abstract case catch class def do else enum export extends extension final finally for forSome "
                    "given if implicit import inline lazy match new object opaque open override package private "
                    "protected return sealed super then this throw trait try type using val var while with yield",
        .types = "Any Array Boolean Double Either Float Future Int List Long Map Nil None Nothing Option Seq Set Some "
                 "String Unit false null true",
        .strings = kStringsSwift,
        .attribute = '@'},
    Language{.names = "php",
             .keywords =
                 "abstract and array as break callable case catch class clone const continue declare default do "
                 "echo else elseif empty enddeclare endfor endforeach endif endswitch endwhile enum eval exit "
                 "extends final finally fn for foreach function global goto if implements include include_once "
                 "instanceof insteadof interface isset list match namespace new or print private protected public "
                 "readonly require require_once return static switch throw trait try unset use var while xor yield",
             .types = "FALSE NULL TRUE bool false float int mixed null object self string this true void",
             .line_comments = "// #",
             .strings = kDoubleSingle,
             .sigil = '$'},
    Language{.names = "perl pl",
             .keywords = "and cmp continue default die do each else elsif eq exit for foreach ge given goto gt if keys "
                         "last le local lt my ne next no not or our package print printf push qw redo require return "
                         "say shift splice sub unless until use values wantarray warn when while x xor",
             .types = "undef",
             .line_comments = "#",
             .block_open = "=pod",
             .block_close = "=cut",
             .strings = kStringsRuby,
             .sigil = '$'},
    Language{
        .names = "lua",
        .keywords = "and break do else elseif end for function goto if in local not or repeat return then until while",
        .types = "false io ipairs math nil os pairs print require self string table true type",
        .line_comments = "--",
        .block_open = "--[[",
        .block_close = "]]",
        .strings = kStringsLua},
    Language{.names = "r",
             .keywords = "break else for function if in library next repeat require return while",
             .types = "FALSE Inf NA NULL NaN TRUE c data.frame list matrix",
             .line_comments = "#",
             .block_open = "",
             .block_close = "",
             .strings = kDoubleSingle,
             .word_characters = "."},
    Language{.names = "julia jl",
             .keywords = "abstract baremodule begin break catch const continue do else elseif end export finally for "
                         "function global if import in isa let local macro module mutable primitive quote return "
                         "struct try type using where while",
             .types = "Any Array Bool Char Dict Float32 Float64 Int Int32 Int64 Matrix Nothing String Vector false "
                      "missing nothing true",
             .line_comments = "#",
             .block_open = "#=",
             .block_close = "=#",
             .strings = kStringsSwift,
             .attribute = '@',
             .word_characters = "!"},
    Language{
        .names = "haskell hs",
        .keywords = "as case class data default deriving do else family forall foreign hiding if import in infix "
                    "infixl infixr instance let mdo module newtype of proc qualified rec then type where",
        .types =
            "Bool Char Double Either False Float IO Int Integer Just Left Maybe Nothing Ordering Right String True",
        .line_comments = "--",
        .block_open = "{-",
        .block_close = "-}",
        .strings = kStringsHaskell,
        .word_characters = "'"},
    Language{
        .names = "ocaml ml fsharp fs f#",
        .keywords =
            "and as assert begin class constraint do done downto else end exception external for fun function functor "
            "if in include inherit initializer lazy let match member method module mutable namespace new nonrec object "
            "of open or override private rec sig struct then to try type use val virtual when while with yield",
        .types = "None Some array bool char false float int list option ref string true unit",
        .block_open = "(*",
        .block_close = "*)",
        .strings = kStringsHaskell,
        .word_characters = "'"},
    Language{.names = "elixir ex exs erlang erl",
             .keywords = "after alias and case catch cond def defdelegate defexception defguard defimpl defmacro "
                         "defmodule defp defprotocol defstruct do else end fn for fun if import in not of or quote "
                         "raise receive require rescue super throw try unless unquote use when with",
             .types = "Enum IO List Map String false nil true",
             .line_comments = "# %",
             .block_open = "",
             .block_close = "",
             .strings = kStringsJava,
             .attribute = '@',
             .word_characters = "?!"},
    Language{
        .names = "clojure clj lisp scheme racket elisp emacs-lisp commonlisp",
        .keywords =
            "and begin car case cdr cond cons def define define-syntax defmacro defmethod defmulti defn defn- "
            "defprotocol defrecord defstruct defun defvar do doseq else fn for if if-let import in-ns lambda let let* "
            "letrec loop map ns or progn quote recur reduce require set! setf setq unless use when when-let while",
        .types = "false nil t true",
        .line_comments = ";",
        .block_open = "#|",
        .block_close = "|#",
        .strings = kStringsHaskell,
        .word_characters = "-*!?<>=/+"},
    Language{
        .names = "bash sh shell zsh ksh fish console shellsession terminal",
        .keywords =
            "alias break case cd continue declare do done echo elif else esac eval exec exit export fi for function if "
            "in local printf read readonly return select set shift source test then trap unset until while",
        .types = "apt awk cat chmod chown cp curl docker false find git grep kill ls make mkdir mv npm pip python "
                 "python3 rm sed ssh sudo tar touch true wget",
        .line_comments = "#",
        .block_open = "",
        .block_close = "",
        .strings = kStringsBash,
        .sigil = '$',
        .word_characters = "-"},
    Language{
        .names = "powershell ps1 pwsh",
        .keywords =
            "begin break catch class continue data do dynamicparam else elseif end enum exit filter finally for "
            "foreach from function hidden if in param process return static switch throw trap try until using while",
        .types = "-and -eq -ge -gt -le -like -lt -match -ne -not -or",
        .line_comments = "#",
        .block_open = "<#",
        .block_close = "#>",
        .strings = kStringsPowershell,
        .sigil = '$',
        .word_characters = "-",
        .ignores_case = true},
    Language{
        .names = "sql mysql postgres postgresql sqlite plsql tsql",
        .keywords = "add all alter and any as asc begin between by cascade case check column commit constraint create "
                    "cross cursor database declare default delete desc distinct drop else end except exists explain "
                    "fetch for foreign from full function grant group having if in index inner insert intersect into "
                    "is join key left like limit not offset on or order outer over partition primary procedure "
                    "references return returning returns revoke right rollback select set table then to transaction "
                    "trigger truncate union unique update using values view when where with",
        .types = "auto_increment avg bigint blob boolean char count date datetime decimal double false float int "
                 "integer json max min null numeric real serial smallint sum text time timestamp true uuid varchar",
        .line_comments = "--",
        .strings = kStringsSql,
        .ignores_case = true},
    Language{.names = "html xml xhtml svg vue svelte",
             .keywords = "",
             .types = "",
             .line_comments = "",
             .block_open = "<!--",
             .block_close = "-->",
             .strings = kStringsHtml,
             .word_characters = "-:!",
             .markup = true},
    Language{
        .names = "css scss sass less",
        .keywords = "and charset else extend font-face forward from function if import include keyframes media mixin "
                    "not only return supports to use",
        .types =
            "absolute auto block bold center flex grid hidden inherit initial inline left none relative right solid",
        .strings = kDoubleSingle,
        .attribute = '@',
        .word_characters = "-"},
    Language{.names = "json jsonc json5 jsonl", .keywords = "", .types = "false null true", .strings = kStringsHaskell},
    Language{.names = "yaml yml",
             .keywords = "",
             .types = "false no null off on true yes",
             .line_comments = "#",
             .block_open = "",
             .block_close = "",
             .strings = kStringsPowershell,
             .word_characters = "-"},
    Language{.names = "toml ini cfg conf properties env dotenv",
             .keywords = "",
             .types = "false true",
             .line_comments = "# ;",
             .block_open = "",
             .block_close = "",
             .strings = kStringsToml,
             .word_characters = "-."},
    Language{.names = "makefile make mk cmake",
             .keywords =
                 "add_executable add_library cmake_minimum_required define else elseif endef endforeach endfunction "
                 "endif endmacro export find_package foreach function if ifdef ifeq ifndef ifneq include macro "
                 "message override project set target_include_directories target_link_libraries unexport vpath",
             .types = "INTERFACE OFF ON PRIVATE PUBLIC REQUIRED VERSION",
             .line_comments = "#",
             .block_open = "",
             .block_close = "",
             .strings = kStringsHaskell,
             .sigil = '$',
             .word_characters = "-"},
    Language{.names = "dockerfile docker",
             .keywords = "add arg as cmd copy entrypoint env expose from healthcheck label maintainer onbuild run "
                         "shell stopsignal user volume workdir",
             .types = "",
             .line_comments = "#",
             .block_open = "",
             .block_close = "",
             .strings = kStringsPowershell,
             .sigil = '$',
             .ignores_case = true},
    Language{.names = "diff patch",
             .keywords = "",
             .types = "",
             .line_comments = "",
             .block_open = "",
             .block_close = "",
             .line_kinds = true},
    Language{.names = "latex tex",
             .keywords = "",
             .types = "",
             .line_comments = "%",
             .block_open = "",
             .block_close = "",
             .sigil = '\\'},
    Language{.names = "matlab octave",
             .keywords = "break case catch classdef continue else elseif end for function global if methods otherwise "
                         "parfor persistent properties return switch try while",
             .types = "Inf NaN false ones pi true zeros",
             .line_comments = "% #",
             .block_open = "%{",
             .block_close = "%}",
             .strings = kStringsHaskell},
    Language{.names = "dart",
             .keywords =
                 "abstract as assert async await break case catch class const continue covariant default deferred "
                 "do dynamic else enum export extends extension external factory final finally for get hide if "
                 "implements import in interface is late library mixin new on operator part required rethrow return "
                 "set show static super switch sync this throw try typedef var void when while with yield",
             .types = "DateTime Future List Map Set String bool double false int null num true",
             .strings = kStringsPython,
             .attribute = '@'},
    Language{
        .names = "zig nim",
        .keywords = "addrspace align allowzero and anyframe anytype asm async await break case catch comptime const "
                    "continue defer discard elif else enum errdefer error except export extern fn for from if import "
                    "in inline iterator let linksection macro method noalias nosuspend of or orelse packed proc pub "
                    "raise resume return struct suspend switch template test threadlocal try type union unreachable "
                    "usingnamespace var volatile when while yield",
        .types = "bool f16 f32 f64 false i16 i32 i64 i8 int isize null string true u16 u32 u64 u8 undefined usize void",
        .line_comments = "// #",
        .strings = kStringsHaskell,
        .attribute = '@'},
    Language{.names = "fortran f90 f95",
             .keywords = "allocatable allocate call case contains cycle deallocate dimension do else elseif elsewhere "
                         "end enddo endif exit function if implicit in inout intent interface module none only out "
                         "parameter pointer print procedure program pure read recursive result return save select stop "
                         "subroutine target then type use where while write",
             .types = ".false. .true. character complex integer logical real",
             .line_comments = "!",
             .block_open = "",
             .block_close = "",
             .strings = kStringsFortran,
             .ignores_case = true},
    Language{.names = "pascal delphi ada vb vbnet vba basic",
             .keywords = "and array as begin byref byval case class const dim div do downto else elseif end endif exit "
                         "false finally for function goto if implementation imports in inherited interface is label "
                         "loop mod module namespace new next nil not nothing object of or package private procedure "
                         "program property protected public record repeat return select set shared string sub then to "
                         "try type unit until uses var wend when while with xor",
             .types = "boolean char double integer long real single text true",
             .line_comments = "// --",
             .block_open = "(*",
             .block_close = "*)",
             .strings = kStringsFortran,
             .ignores_case = true},
    Language{.names = "asm nasm assembly x86 armasm",
             .keywords = "add and bl call cmp db dd dec div dq dw equ extern global imul inc int ja jae jb jbe je jg "
                         "jge jl jle jmp jne jnz jz ldr lea loop mov movsx movzx mul neg nop not or pop push rep ret "
                         "rol ror sar section shl shr str sub syscall test xchg xor",
             .types = "ah al ax bh bl bp bx ch cl cx dh di dl dx eax ebp ebx ecx edi edx esi esp r10 r11 r12 r13 r14 "
                      "r15 r8 r9 rax rbp rbx rcx rdi rdx rsi rsp si sp",
             .line_comments = "; // #",
             .strings = kDoubleSingle,
             .ignores_case = true},
};

}  // namespace

std::span<const Language> languages() {
  return kLanguages;
}

const Language* find_language(std::string_view info) {
  info = info.substr(0, info.find_first_of(" \t,{"));
  std::string name(info);
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  for (const Language& language : kLanguages) {
    if (lists(language.names, name)) return &language;
  }
  return nullptr;
}

bool lists(std::string_view words, std::string_view word) {
  if (word.empty() || word.find(' ') != word.npos) return false;
  for (size_t at = words.find(word); at != words.npos; at = words.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || words[at - 1] == ' ') && (end == words.size() || words[end] == ' ')) return true;
  }
  return false;
}

}  // namespace quipu::chat
