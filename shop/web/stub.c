#include "web/web.h"
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <inttypes.h>
char *web_front_page(const struct web_front *f){ char *t; if(asprintf(&t,"<form><input name=key value='%s'><input name=csrf value='%s'></form>",f->key,f->csrf)<0) return NULL; return t;}
char *web_order_page(const struct web_order *o){ (void)o; return strdup("order");}
bool web_refreshes(const struct web_order *o){ (void)o; return true;}
char *web_message_page(const char *h,const char *t,const char *l,const char *lt){(void)l;(void)lt;char *x; if(asprintf(&x,"%s %s",h,t)<0) return NULL; return x;}
const char web_style[]="";
const char *const web_headers[]={"X-Content-Type-Options","nosniff",NULL};
const char *web_money(int64_t c,const char *cur,char *buf,size_t size){ snprintf(buf,size,"%" PRId64 ".%02d %s",c/100,(int)(c%100),cur); return buf;}
