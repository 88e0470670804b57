"""The twelve queries, each said once for every contender.

They mean the same everywhere, missing cells included: a missing cell makes an expression missing, aggregates skip what is missing,
count() counts rows, a missing key is a group of its own (shown as an empty cell). Where a contender needs more words for that than
its users would like, it gets them; where it cannot say a query at all, None.

    prong       arguments of `prong records`
    sql         DuckDB; the file is the view `orders`
    polars      JavaScript over the lazy frame `f`
    data_table  R over the data.table `d`, of which fread reads `columns`
    miller      verbs of mlr
Plain Python says them in pool.py, exact arithmetic in exact.py; both know a query by its name.
"""
from dataclasses import dataclass

REVENUE = "quantity*unit_price*(1-discount)"
POLARS_REVENUE = "c('quantity').mul(c('unit_price')).mul(pl.lit(1).sub(c('discount')))"
MILLER_REVENUE = "$r=$quantity*$unit_price*(1-$discount)"
MILLER_KEY = 'if(is_empty(${0})){{${0}="-"}}'.format        # it leaves out records whose key is empty: they come as "-"


@dataclass(frozen=True)
class Query:
    name: str
    title: str
    columns: tuple              # those that it takes
    n_keys: int                 # how many columns of the answer say which row it is
    prong: tuple
    sql: str
    polars: str
    data_table: str
    miller: tuple = None
    why_no_miller: str = ""
    is_scan: bool = False       # one pass, few groups: held to the speed-up of two workers
    is_streaming: bool = True   # held to 64 MiB
    rank_by: int = None         # rows come in this column's falling order, and those of equal rank in any


QUERIES = [
    Query("q01", "count", (), 0,
          prong=("-a", "n=count()"),
          sql="SELECT count(*) AS n FROM orders",
          polars="f.select(pl.len().alias('n'))",
          data_table="data.table(n = nrow(d))",
          miller=("count", "-o", "n"), is_scan=True),
    Query("q02", "sum of quantity*unit_price*(1-discount)", ("quantity", "unit_price", "discount"), 0,
          prong=("-a", f"revenue=sum({REVENUE})"),
          sql=f"SELECT sum({REVENUE}) AS revenue FROM orders",
          polars=f"f.select({POLARS_REVENUE}.sum().alias('revenue'))",
          data_table=f"d[, .(revenue = sum({REVENUE}, na.rm = TRUE))]",
          miller=("put", MILLER_REVENUE, "then", "stats1", "-a", "sum", "-f", "r"), is_scan=True),
    Query("q03", "mean, stddev, min, max of unit_price", ("unit_price",), 0,
          prong=("-a", "mean(unit_price)", "-a", "stddev(unit_price)", "-a", "min(unit_price)", "-a", "max(unit_price)"),
          sql="SELECT avg(unit_price), stddev_samp(unit_price), min(unit_price), max(unit_price) FROM orders",
          polars="f.select(c('unit_price').mean().alias('mean'), c('unit_price').std().alias('sd'), c('unit_price').min().alias('min'), "
                 "c('unit_price').max().alias('max'))",
          data_table="d[, .(mean(unit_price, na.rm = TRUE), sd(unit_price, na.rm = TRUE), min(unit_price, na.rm = TRUE), "
                     "max(unit_price, na.rm = TRUE))]",
          miller=("stats1", "-a", "mean,stddev,min,max", "-f", "unit_price"), is_scan=True),
    Query("q04", "by country: rows and revenue", ("country", "quantity", "unit_price", "discount"), 1,
          prong=("-g", "country", "-a", "n=count()", "-a", f"revenue=sum({REVENUE})"),
          sql=f"SELECT country, count(*) AS n, sum({REVENUE}) AS revenue FROM orders GROUP BY country",
          polars=f"f.groupBy('country').agg(pl.len().alias('n'), {POLARS_REVENUE}.sum().alias('revenue'))",
          data_table=f"d[, .(n = .N, revenue = sum({REVENUE}, na.rm = TRUE)), by = country]",
          miller=("put", f"{MILLER_KEY('country')};$n=1;{MILLER_REVENUE}", "then", "stats1", "-a", "sum", "-f", "n,r", "-g", "country"),
          is_scan=True),
    Query("q05", "by country and size: six aggregates", ("country", "size", "quantity", "unit_price", "discount"), 2,
          prong=("-g", "country,size", "-a", "n=count()", "-a", "sum(quantity)", "-a", "mean(unit_price)", "-a", "min(unit_price)",
                 "-a", "max(unit_price)", "-a", "stddev(discount)"),
          sql="SELECT country, size, count(*), sum(quantity), avg(unit_price), min(unit_price), max(unit_price), stddev_samp(discount) "
              "FROM orders GROUP BY country, size",
          polars="f.groupBy(['country', 'size']).agg(pl.len().alias('n'), c('quantity').sum().alias('s'), "
                 "c('unit_price').mean().alias('m'), "
                 "c('unit_price').min().alias('lo'), c('unit_price').max().alias('hi'), c('discount').std().alias('sd'))",
          data_table="d[, .(.N, sum(quantity, na.rm = TRUE), mean(unit_price, na.rm = TRUE), min(unit_price, na.rm = TRUE), "
                     "max(unit_price, na.rm = TRUE), sd(discount, na.rm = TRUE)), by = .(country, size)]",
          miller=("put", f"{MILLER_KEY('country')};{MILLER_KEY('size')};$n=1", "then",
                  "stats1", "-a", "sum,mean,min,max,stddev", "-f", "n,quantity,unit_price,discount", "-g", "country,size", "then",
                  "cut", "-o", "-f", "country,size,n_sum,quantity_sum,unit_price_mean,unit_price_min,unit_price_max,discount_stddev"),
          is_scan=True),
    Query("q06", "exact p50 and p99 of unit_price and of quantity*unit_price", ("quantity", "unit_price"), 0,
          prong=("-a", "median(unit_price)", "-a", "quantile(unit_price,0.99)", "-a", "median(quantity*unit_price)",
                 "-a", "quantile(quantity*unit_price,0.99)"),
          sql="SELECT p[1], p[2], v[1], v[2] FROM (SELECT quantile_cont(unit_price, [0.5, 0.99]) AS p, "
              "quantile_cont(quantity*unit_price, [0.5, 0.99]) AS v FROM orders)",
          polars="f.select(c('unit_price').quantile(0.5, 'linear').alias('a'), c('unit_price').quantile(0.99, 'linear').alias('b'), "
                 "c('quantity').mul(c('unit_price')).quantile(0.5, 'linear').alias('c'), "
                 "c('quantity').mul(c('unit_price')).quantile(0.99, 'linear').alias('d'))",
          data_table="d[, as.list(c(quantile(unit_price, c(0.5, 0.99), na.rm = TRUE, names = FALSE), "
                     "quantile(quantity*unit_price, c(0.5, 0.99), na.rm = TRUE, names = FALSE)))]",
          miller=("put", "$v=$quantity*$unit_price", "then", "stats1", "-i", "-a", "p50,p99", "-f", "unit_price,v"), is_streaming=False),
    Query("q07", "distinct customers and e-mails", ("customer_id", "email"), 0,
          prong=("-a", "distinct(customer_id)", "-a", "distinct(email)"),
          sql="SELECT count(DISTINCT customer_id), count(DISTINCT email) FROM orders",
          polars="f.select(c('customer_id').dropNulls().nUnique().alias('customers'), c('email').dropNulls().nUnique().alias('emails'))",
          data_table="d[, .(uniqueN(customer_id, na.rm = TRUE), uniqueN(email, na.rm = TRUE))]",
          miller=("put", "-q", 'if(is_not_empty($customer_id)){@a[$customer_id]=1} if(is_not_empty($email)){@b[$email]=1} '
                               'end{emit1 {"a":length(@a),"b":length(@b)}}'),
          is_streaming=False),
    Query("q08", "top 10 customers by revenue", ("customer_id", "quantity", "unit_price", "discount"), 1,
          prong=("-w", "customer_id is not null", "-g", "customer_id", "-a", f"revenue=sum({REVENUE})", "--sort", "-revenue", "--limit",
                 "10"),
          sql=f"SELECT customer_id, sum({REVENUE}) AS revenue FROM orders WHERE customer_id IS NOT NULL GROUP BY customer_id "
              "ORDER BY revenue DESC LIMIT 10",
          polars=f"f.filter(c('customer_id').isNotNull()).groupBy('customer_id').agg({POLARS_REVENUE}.sum().alias('revenue'))"
                 ".sort('revenue', true).head(10)",
          data_table=f"d[!is.na(customer_id), .(revenue = sum({REVENUE}, na.rm = TRUE)), by = customer_id][order(-revenue)][1:10]",
          miller=("filter", "is_not_empty($customer_id)", "then", "put", MILLER_REVENUE, "then", "stats1", "-a", "sum", "-f", "r",
                  "-g", "customer_id", "then", "sort", "-nr", "r_sum", "then", "head", "-n", "10"),
          is_streaming=False, rank_by=1),
    Query("q09", "filter by text and numbers, then by colour", ("size", "colour", "quantity", "unit_price", "discount"), 1,
          prong=("-w", "size = 'L' and quantity >= 2 and discount > 0", "-g", "colour", "-a", "n=count()", "-a", f"revenue=sum({REVENUE})"),
          sql=f"SELECT colour, count(*), sum({REVENUE}) FROM orders WHERE size = 'L' AND quantity >= 2 AND discount > 0 GROUP BY colour",
          polars="f.filter(c('size').eq(pl.lit('L')).and(c('quantity').gtEq(2)).and(c('discount').gt(0))).groupBy('colour')"
                 f".agg(pl.len().alias('n'), {POLARS_REVENUE}.sum().alias('revenue'))",
          data_table=f"d[size == 'L' & quantity >= 2 & discount > 0, .(.N, sum({REVENUE}, na.rm = TRUE)), by = colour]",
          miller=("filter", "$size==\"L\" && is_not_empty($quantity) && $quantity>=2 && is_not_empty($discount) && $discount>0", "then",
                  "put", f"{MILLER_KEY('colour')};$n=1;{MILLER_REVENUE}", "then", "stats1", "-a", "sum", "-f", "n,r", "-g", "colour"),
          is_scan=True),
    Query("q10", "sums of sqrt, ln, pow", ("quantity", "unit_price", "discount"), 0,
          prong=("-a", "sum(sqrt(unit_price))", "-a", "sum(ln(unit_price))", "-a", "sum(pow(1-discount,quantity))"),
          sql="SELECT sum(sqrt(unit_price)), sum(ln(unit_price)), sum(pow(1-discount, quantity)) FROM orders",
          polars="f.select(c('unit_price').pow(0.5).sum().alias('a'), c('unit_price').log().sum().alias('b'), "
                 "pl.lit(1).sub(c('discount')).log().mul(c('quantity')).exp().sum().alias('c'))",
          data_table="d[, .(sum(sqrt(unit_price), na.rm = TRUE), sum(log(unit_price), na.rm = TRUE), "
                     "sum(((1-discount)^quantity)[!is.na(quantity)], na.rm = TRUE))]",       # 1^NA is 1
          miller=("put", '$a=sqrt($unit_price);$b=log($unit_price);$c=(1-$discount)**$quantity', "then",
                  "stats1", "-a", "sum", "-f", "a,b,c")),
    Query("q11", "correlation and regression of quantity on quantity*unit_price", ("quantity", "unit_price"), 0,
          prong=tuple(word for name in ("corr", "slope", "intercept", "r2") for word in ("-a", f"{name}(quantity,quantity*unit_price)")),
          sql="SELECT corr(y, x), regr_slope(y, x), regr_intercept(y, x), regr_r2(y, x) "
              "FROM (SELECT quantity AS y, quantity*unit_price AS x FROM orders)",
          # It has no regression, and no covariance in JavaScript: slope and intercept from its correlation and moments.
          polars="f.select(c('quantity').as('y'), c('quantity').mul(c('unit_price')).alias('x')).dropNulls()"
                 ".select(pl.pearsonCorr(c('y'), c('x')).alias('r'), c('x').std().alias('sx'), c('y').std().alias('sy'), "
                 "c('x').mean().alias('mx'), c('y').mean().alias('my'))"
                 ".select(c('r'), c('r').mul(c('sy')).div(c('sx')).alias('slope'), "
                 "c('my').sub(c('mx').mul(c('r')).mul(c('sy')).div(c('sx'))).alias('intercept'), c('r').mul(c('r')).alias('r2'))",
          data_table="d[, {x <- quantity*unit_price; k <- !is.na(x); x <- x[k]; y <- quantity[k]; r <- cor(y, x); b <- cov(y, x)/var(x); "
                     ".(r, b, mean(y) - b*mean(x), r^2)}]",
          miller=("put", "-q", 'if(is_not_empty($quantity) && is_not_empty($unit_price)){emit1 {"x":$quantity*$unit_price,"y":$quantity}}',
                  "then", "stats2", "-a", "corr,linreg-ols,r2", "-f", "x,y", "then", "cut", "-o", "-f",
                  "x_y_corr,x_y_ols_m,x_y_ols_b,x_y_r2")),
    Query("q12", "histogram by floor(unit_price/5)", ("unit_price",), 1,
          prong=("-g", "b=floor(unit_price/5)", "-a", "n=count()"),
          sql="SELECT floor(unit_price/5) AS b, count(*) FROM orders GROUP BY b",
          polars="f.select(c('unit_price').div(5).floor().alias('b')).groupBy('b').agg(pl.len().alias('n'))",
          data_table="d[, .(.N), by = .(b = floor(unit_price/5))]",
          miller=("put", '$b=is_empty($unit_price)?"-":floor($unit_price/5)', "then", "count", "-g", "b"), is_scan=True),
]
BY_NAME = {query.name: query for query in QUERIES}
