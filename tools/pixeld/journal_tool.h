/*
 * journal_tool.h - `pixeld journal list|verify|dump DIR`, `cut DIR LSN`.
 *
 * All but `cut` only read, also while a server runs on the directory. Blocking; for main().
 */
#ifndef PX_PIXELD_JOURNAL_TOOL_H
#define PX_PIXELD_JOURNAL_TOOL_H

/* argv[0] is the verb. Returns an exit code (engine/base/exit_code.h). */
int journal_tool(int argc, char **argv);

extern const char journal_tool_usage[]; /* without a newline at the end */

#endif
