# One query by data.table.  Rscript --vanilla data_table_peer.R FILE.csv THREADS COLUMNS EXPRESSION   Prints CSV.
suppressPackageStartupMessages(library(data.table))
words <- commandArgs(TRUE)
setDTthreads(as.integer(words[2]))
columns <- strsplit(words[3], ",")[[1]]
if (length(columns) == 0) columns <- 1L
d <- fread(words[1], select = columns, na.strings = "", showProgress = FALSE)
answer <- eval(parse(text = words[4]))
write.csv(format(as.data.frame(answer), digits = 17, trim = TRUE), row.names = FALSE, quote = FALSE, na = "")
