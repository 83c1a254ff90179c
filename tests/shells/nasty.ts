// Values that break what is not quoted well.

export const NASTY: { [name: string]: string } = {
  EMPTY: "",
  QUOTES: `'"'' "" it's "so"`,
  ENDS: "'",
  DOLLAR: "$HOME ${HOME} $(echo x) $((1+1)) $'a'",
  BACKTICK: "`echo x`",
  BANG: "! !! !$ a!b !echo \\!",
  NEWLINES: "\na\n\nb\n",
  TABS: "\t a\tb  ",
  BACKSLASH: "\\ \\\\ \\n \\' C:\\dir\\",
  GLOB: "* ? [a-z] ~ {a,b} **/*",
  SIGNS: "a=b;c&d|e#f<g>h(i)j%k^l",
  EMOJI: "\u{1f600} ünï 环境 \u200d",
  RETURN: "a\rb\x01\x1b[31m\x7f",
  DASH: "-n -e --",
  LONG: "x'y\\ ".repeat(20_000),
};
