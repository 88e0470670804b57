/* page.c - whether this build has what the page of `prong compare --html` is drawn with. */
#include "doctor/health.h"

#include "compare/show/html.h"

void look_at_page(struct health *h)
{
    h->has_charts = html_has_charts();
    if (h->has_charts)
        health_add(h, "charts", "--html", HEALTH_OK, NULL, "built in: prong compare --html FILE writes a page with charts");
    else
        health_add(h, "charts", "--html", HEALTH_MISSING, "apt-get install libjs-chart.js, then build prong anew",
                   "this build has no library that draws: prong compare --html is refused");
}
