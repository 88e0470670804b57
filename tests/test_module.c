/* engine/processes/module.h: functions that workers have at the same address, that they find in a file, and that are for no worker. */
#include "harness.h"
#include "engine/processes/module.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <prong.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef void (*function)(void);

/* ---- modules ----
 *
 * Where a case has a loop index, _i, it says whether they have build-ids. */

static char folder[512], plug[600];

/* Beside the modules that were built: where those can be loaded from, so can these. */
static void make_folder(void)
{
    const char *modules = getenv("PRONG_TEST_MODULES");
    if (!modules)
        skip("PRONG_TEST_MODULES does not say where late_*.so are: meson test does");
    (void)snprintf(folder, sizeof folder, "%s/test-module-XXXXXX", modules);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(plug, sizeof plug, "%s/plug.so", folder);
}

static void remove_folder(void)
{
    char command[600];
    (void)snprintf(command, sizeof command, "rm -r '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

/* Another file at that path, with an inode of its own. */
static void put_at(const char *path, int number, int with_id)
{
    char from[600], to[700], bytes[4096];
    ssize_t n;
    (void)snprintf(from, sizeof from, "%s/late_%s%d.so", getenv("PRONG_TEST_MODULES"), with_id ? "id" : "plain", number);
    (void)snprintf(to, sizeof to, "%s.new", path);
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    ck_assert_int_ge(in, 0);
    ck_assert_int_ge(out, 0);
    while ((n = read(in, bytes, sizeof bytes)) > 0)
        ck_assert_int_eq(write(out, bytes, (size_t)n), n);
    ck_assert_int_eq(n, 0);
    (void)close(in);
    (void)close(out);
    ck_assert_int_eq(rename(to, path), 0);
}

static void put(int number, int with_id) { put_at(plug, number, with_id); }

static void *load(const char *path)
{
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(module != NULL, "%s", dlerror());
    return module;
}

static function function_of(void *module)
{
    void *symbol = dlsym(module, "late_number");
    function fn;
    ck_assert_ptr_nonnull(symbol);
    memcpy(&fn, &symbol, sizeof fn);
    return fn;
}

static bool is_loaded(const char *path)
{
    void *module = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    if (module)
        (void)dlclose(module);
    return module;
}

static void unload(void *module)
{
    ck_assert_int_eq(dlclose(module), 0);
    ck_assert(!is_loaded(plug));
}

/* ---- workers ---- */

struct worker { pid_t pid; int channel; };
struct question { int place; function fn; struct pn_module_ref ref; };
struct answer { int number; function fn; bool has_run; char why[160]; };

static int call(function fn) { return ((int (*)(void))fn)(); }

static void answer_all(int channel)
{
    static struct question q;
    while (recv(channel, &q, sizeof q, 0) == (ssize_t)sizeof q) {
        struct answer a = { .number = -1 };
        a.fn = q.place == PN_AT_ADDRESS ? q.fn : pn_function_load(&q.ref, a.why, sizeof a.why);
        if (a.fn)
            a.number = call(a.fn);
        a.has_run = getenv("LATE_NUMBER");     /* any code of any build */
        if (send(channel, &a, sizeof a, MSG_NOSIGNAL) < 0)
            return;
    }
}

/* A fork, as the zygote and its workers are: it has what is loaded now. */
static struct worker hire(void)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        (void)close(ends[0]);
        answer_all(ends[1]);
        _exit(0);
    }
    (void)close(ends[1]);
    return (struct worker){ pid, ends[0] };
}

static void dismiss(struct worker w)
{
    int status;
    (void)close(w.channel);
    ck_assert_int_eq(waitpid(w.pid, &status, 0), w.pid);
    ck_assert_int_eq(status, 0);
}

static struct answer ask_about(struct worker w, const struct pn_module_ref *ref)
{
    struct question q = { .place = PN_IN_MODULE };
    struct answer a;
    memcpy(&q.ref, ref, pn_module_ref_size(ref));
    ck_assert_int_eq(send(w.channel, &q, sizeof q, MSG_NOSIGNAL), sizeof q);
    ck_assert_int_eq(recv(w.channel, &a, sizeof a, 0), sizeof a);
    return a;
}

/* Finds it and lets the worker call it. */
static struct answer ask(struct worker w, function fn, int place)
{
    struct question q = { .fn = fn };
    struct answer a;
    q.place = pn_function_find(fn, &q.ref);
    ck_assert_msg(q.place == place, "%d, not %d: %s", q.place, place, prong_last_error());
    ck_assert_int_eq(send(w.channel, &q, sizeof q, MSG_NOSIGNAL), sizeof q);
    ck_assert_int_eq(recv(w.channel, &a, sizeof a, 0), sizeof a);
    return a;
}

static void ck_number(struct answer a, int number)
{
    ck_assert_msg(a.number == number, "%d, not %d: %s", a.number, number, a.why);
}

static void ck_refused(function fn, const char *word)
{
    struct pn_module_ref ref = { .offset = 7 };
    ck_assert_int_eq(pn_function_find(fn, &ref), -EINVAL);
    ck_assert_msg(strstr(prong_last_error(), word) != NULL, "%s", prong_last_error());
    ck_assert_uint_eq(ref.offset, 7);
    ck_assert(!pn_function_is_plain(fn));
}

/* ---- at the same address ---- */

static int of_the_program(void) { return 5; }

START_TEST(functions_of_the_program_are_plain)
{
    struct pn_module_ref ref;
    ck_assert_int_eq(pn_modules_remember(), 0);
    ck_assert(pn_function_is_plain((function)of_the_program));
    ck_assert_int_eq(pn_function_find((function)of_the_program, &ref), PN_AT_ADDRESS);
}
END_TEST

START_TEST(functions_of_the_libraries_that_the_program_is_linked_with_are_plain)
{
    struct pn_module_ref ref;
    ck_assert_int_eq(pn_modules_remember(), 0);
    ck_assert(pn_function_is_plain((function)getppid));
    ck_assert_int_eq(pn_function_find((function)getppid, &ref), PN_AT_ADDRESS);
}
END_TEST

START_TEST(functions_of_the_kernel_are_plain)
{
    struct pn_module_ref ref;
    void *vdso = dlopen("linux-vdso.so.1", RTLD_NOW | RTLD_NOLOAD), *symbol = vdso ? dlsym(vdso, "__vdso_clock_gettime") : NULL;
    function fn;
    if (!symbol)
        skip("there is no vdso with clock_gettime here");
    memcpy(&fn, &symbol, sizeof fn);
    ck_assert_int_eq(pn_modules_remember(), 0);
    ck_assert(pn_function_is_plain(fn));
    pn_modules_forget();
    ck_assert_int_eq(pn_function_find(fn, &ref), -EINVAL);
}
END_TEST

START_TEST(a_module_that_was_there_before_is_the_same)
{
    make_folder();
    put(1, _i);
    void *module = load(plug);
    ck_assert_int_eq(pn_modules_remember(), 0);
    struct worker w = hire();
    ck_number(ask(w, function_of(module), PN_AT_ADDRESS), 1);
    ck_assert(!pn_function_is_plain(function_of(module)));
    put(2, _i);
    ck_number(ask(w, function_of(module), PN_AT_ADDRESS), 1);
    unload(module);
    dismiss(w);
    remove_folder();
}
END_TEST

/* ---- in a file ---- */

START_TEST(a_module_that_came_later_is_loaded_by_the_worker)
{
    make_folder();
    put(1, _i);
    ck_assert_int_eq(pn_modules_remember(), 0);
    struct worker w = hire();
    void *module = load(plug);
    struct pn_module_ref ref;
    ck_number(ask(w, function_of(module), PN_IN_MODULE), 1);
    struct answer again = ask(w, function_of(module), PN_IN_MODULE), more = ask(w, function_of(module), PN_IN_MODULE);
    ck_assert(again.fn == more.fn);
    ck_assert_int_eq(pn_function_find(function_of(module), &ref), PN_IN_MODULE);
    ck_assert_str_eq(ref.path, plug);
    ck_assert_int_eq(ref.build.id_size > 0, _i);
    dismiss(w);
    remove_folder();
}
END_TEST

START_TEST(a_path_that_was_relative_is_found_from_elsewhere)
{
    make_folder();
    put(1, _i);
    ck_assert_int_eq(pn_modules_remember(), 0);
    struct worker w = hire();
    ck_assert_int_eq(chdir(folder), 0);
    void *module = load("./plug.so");
    ck_assert_int_eq(chdir("/"), 0);
    ck_number(ask(w, function_of(module), PN_IN_MODULE), 1);
    dismiss(w);
    remove_folder();
}
END_TEST

START_TEST(a_path_through_a_descriptor_is_found_without_it)
{
    char name[64];
    make_folder();
    put(1, _i);
    ck_assert_int_eq(pn_modules_remember(), 0);
    struct worker w = hire();
    int fd = open(plug, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    void *module = load(name);
    (void)close(fd);
    ck_number(ask(w, function_of(module), PN_IN_MODULE), 1);
    dismiss(w);
    remove_folder();
}
END_TEST

START_TEST(what_is_loaded_again_unchanged_is_found)
{
    make_folder();
    put(1, _i);
    void *module = load(plug);
    ck_assert_int_eq(pn_modules_remember(), 0);
    struct worker w = hire();
    function before = function_of(module);
    unload(module);
    ck_refused(before, "no function");
    module = load(plug);
    ck_number(ask(w, function_of(module), function_of(module) == before ? PN_AT_ADDRESS : PN_IN_MODULE), 1);
    dismiss(w);
    remove_folder();
}
END_TEST

START_TEST(what_is_loaded_again_elsewhere_is_found_whatever_is_on_disk_by_then)
{
    char other[620];
    make_folder();
    put(1, true);
    (void)snprintf(other, sizeof other, "%s/other.so", folder);
    put_at(other, 2, true);
    void *module = load(plug);
    ck_assert_int_eq(pn_modules_remember(), 0);
    struct worker w = hire();
    function before = function_of(module);
    unload(module);
    (void)load(other);
    module = load(plug);
    put(2, true);
    bool elsewhere = function_of(module) != before;
    ck_number(ask(w, function_of(module), elsewhere ? PN_IN_MODULE : PN_AT_ADDRESS), 1);
    dismiss(w);
    remove_folder();
    if (!elsewhere)
        skip("the loader found the same place for it again");
}
END_TEST

/* The first is one that the worker inherits. */
START_TEST(each_build_that_comes_to_a_path_is_found_in_its_turn)
{
    static const int turns[] = { 2, 1, 2, 2, 1 };
    make_folder();
    put(1, _i);
    void *module = load(plug);
    ck_assert_int_eq(pn_modules_remember(), 0);
    struct worker w = hire();
    ck_number(ask(w, function_of(module), PN_AT_ADDRESS), 1);
    for (size_t k = 0; k < sizeof turns / sizeof *turns; k++) {
        struct pn_module_ref ref;
        unload(module);
        put(turns[k], _i);
        module = load(plug);
        int place = pn_function_find(function_of(module), &ref);
        ck_assert(turns[k] == 1 && _i ? place >= 0 : place == PN_IN_MODULE);
        ck_number(ask(w, function_of(module), place), turns[k]);
    }
    dismiss(w);
    remove_folder();
}
END_TEST

START_TEST(more_modules_than_are_kept_in_mind_are_found)
{
    enum { N = 40 };
    char path[N][600];
    void *module[N];
    struct pn_module_ref ref;
    make_folder();
    ck_assert_int_eq(pn_modules_remember(), 0);
    struct worker w = hire();
    for (int k = 0; k < N; k++) {
        (void)snprintf(path[k], sizeof path[k], "%s/%d.so", folder, k);
        put_at(path[k], 1 + k % 2, true);
        module[k] = load(path[k]);
    }
    for (int k = 0; k < 3 * N; k++) {
        ck_number(ask(w, function_of(module[k % N]), PN_IN_MODULE), 1 + k % N % 2);
        ck_assert_int_eq(pn_function_find(function_of(module[k % N]), &ref), PN_IN_MODULE);
        ck_assert_str_eq(ref.path, path[k % N]);
    }
    dismiss(w);
    remove_folder();
}
END_TEST

/* ---- another build ---- */

START_TEST(a_worker_refuses_another_build_before_any_of_it_runs)
{
    struct pn_module_ref ref;
    make_folder();
    put(1, _i);
    ck_assert_int_eq(pn_modules_remember(), 0);
    struct worker w = hire(), has_it = hire();
    void *module = load(plug);
    ck_assert_int_eq(pn_function_find(function_of(module), &ref), PN_IN_MODULE);
    ck_number(ask(has_it, function_of(module), PN_IN_MODULE), 1);
    put(2, _i);
    struct answer a = ask_about(w, &ref);
    ck_assert_int_eq(a.number, -1);
    ck_assert_msg(strstr(a.why, "another build") != NULL, "%s", a.why);
    ck_assert(!a.has_run);
    ck_number(ask_about(has_it, &ref), 1);
    put(1, _i);
    a = ask_about(w, &ref);                    /* the same build in another file: without build-id, nobody knows */
    ck_assert_int_eq(a.number, _i ? 1 : -1);
    dismiss(has_it);
    dismiss(w);
    remove_folder();
}
END_TEST

START_TEST(a_worker_refuses_what_is_no_module)
{
    struct pn_module_ref ref;
    make_folder();
    put(1, true);
    ck_assert_int_eq(pn_modules_remember(), 0);
    struct worker w = hire();
    ck_assert_int_eq(pn_function_find(function_of(load(plug)), &ref), PN_IN_MODULE);
    ck_assert_int_eq(unlink(plug), 0);
    struct answer a = ask_about(w, &ref);
    ck_assert_int_eq(a.number, -1);
    ck_assert_msg(strstr(a.why, "No such file") != NULL, "%s", a.why);
    FILE *f = fopen(plug, "we");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs("\177ELF, or so it seems", f), 0);
    ck_assert_int_eq(fclose(f), 0);
    a = ask_about(w, &ref);
    ck_assert_int_eq(a.number, -1);
    ck_assert_msg(strstr(a.why, "another build") != NULL, "%s", a.why);
    ref.offset = UINT64_C(1) << 40;
    put(1, true);
    a = ask_about(w, &ref);
    ck_assert_int_eq(a.number, -1);
    dismiss(w);
    remove_folder();
}
END_TEST

START_TEST(a_module_without_build_id_that_was_replaced_is_for_no_worker)
{
    make_folder();
    put(1, false);
    ck_assert_int_eq(pn_modules_remember(), 0);
    void *module = load(plug);
    put(2, false);
    ck_refused(function_of(module), "build-id");
    remove_folder();
}
END_TEST

/* ---- for no worker ---- */

START_TEST(a_module_whose_file_is_gone_is_for_no_worker)
{
    make_folder();
    put(1, _i);
    ck_assert_int_eq(pn_modules_remember(), 0);
    void *module = load(plug);
    ck_assert_int_eq(unlink(plug), 0);
    ck_refused(function_of(module), plug);
    remove_folder();
}
END_TEST

START_TEST(code_in_no_module_is_for_no_worker)
{
    void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    function fn;
    if (code == MAP_FAILED)
        skip("this system forbids memory that is writable and executable");
    memcpy(&fn, &code, sizeof fn);
    ck_assert_int_eq(pn_modules_remember(), 0);
    ck_refused(fn, "no function");
    ck_refused(NULL, "no function");
}
END_TEST

START_TEST(data_is_no_function)
{
    static int data = 1;
    make_folder();
    put(1, true);
    ck_assert_int_eq(pn_modules_remember(), 0);
    void *address = &data;
    function fn;
    memcpy(&fn, &address, sizeof fn);
    ck_refused(fn, "no function");
    address = dlsym(load(plug), "late_data");
    memcpy(&fn, &address, sizeof fn);
    ck_refused(fn, "no function");
    remove_folder();
}
END_TEST

/* ---- another program ---- */

START_TEST(to_workers_of_another_program_all_goes_by_file)
{
    make_folder();
    put(1, true);
    void *module = load(plug);
    struct worker w = hire();
    ck_assert_int_eq(pn_modules_remember(), 0);
    pn_modules_forget();
    ck_refused((function)of_the_program, "prong_init_exec");
    ck_number(ask(w, function_of(module), PN_IN_MODULE), 1);
    ck_assert(!pn_function_is_plain((function)getppid));
    struct answer a = ask(w, (function)getppid, PN_IN_MODULE);
    ck_number(a, getpid());
    ck_assert(a.fn == (function)getppid);      /* the worker had it loaded */
    ck_assert_int_eq(pn_modules_remember(), 0);
    ck_assert(pn_function_is_plain((function)getppid));
    ck_number(ask(w, function_of(module), PN_AT_ADDRESS), 1);
    dismiss(w);
    remove_folder();
}
END_TEST

/* ---- threads ---- */

static struct { function stays; _Atomic(function) comes_and_goes; atomic_bool stop; } shared;

static void *find_on_and_on(void *arg)
{
    struct pn_module_ref *ref = arg;
    while (!atomic_load(&shared.stop)) {
        ck_assert_int_eq(pn_function_find(shared.stays, ref), PN_IN_MODULE);
        ck_assert_int_eq(pn_function_find((function)of_the_program, ref), PN_AT_ADDRESS);
        int place = pn_function_find(atomic_load(&shared.comes_and_goes), ref);
        ck_assert(place == PN_IN_MODULE || place == -EINVAL);
    }
    return NULL;
}

START_TEST(threads_find_functions_while_modules_come_and_go)
{
    enum { N = 4 };
    static struct pn_module_ref refs[N], ref;
    char other[620];
    pthread_t thread[N];
    make_folder();
    put(1, true);
    (void)snprintf(other, sizeof other, "%s/other.so", folder);
    put_at(other, 2, _i);
    ck_assert_int_eq(pn_modules_remember(), 0);
    shared.stays = function_of(load(plug));
    for (int k = 0; k < N; k++)
        ck_assert_int_eq(pthread_create(&thread[k], NULL, find_on_and_on, &refs[k]), 0);
    for (int round = 0; round < ROUNDS(1000); round++) {
        void *module = load(other);
        atomic_store(&shared.comes_and_goes, function_of(module));
        ck_assert_int_eq(pn_function_find(function_of(module), &ref), PN_IN_MODULE);
        ck_assert_str_eq(ref.path, other);
        ck_assert_int_eq(dlclose(module), 0);
    }
    atomic_store(&shared.stop, true);
    for (int k = 0; k < N; k++)
        ck_assert_int_eq(pthread_join(thread[k], NULL), 0);
    remove_folder();
}
END_TEST

static void add_both(const TTest *test)
{
    add_case_for("build-id", test, true, 0);
    add_case_for("file", test, false, 0);
}

int main(int argc, char **argv)
{
    add_case(functions_of_the_program_are_plain);
    add_case(functions_of_the_libraries_that_the_program_is_linked_with_are_plain);
    add_case(functions_of_the_kernel_are_plain);
    add_both(a_module_that_was_there_before_is_the_same);
    add_both(a_module_that_came_later_is_loaded_by_the_worker);
    add_both(a_path_that_was_relative_is_found_from_elsewhere);
    add_both(a_path_through_a_descriptor_is_found_without_it);
    add_both(what_is_loaded_again_unchanged_is_found);
    add_case(what_is_loaded_again_elsewhere_is_found_whatever_is_on_disk_by_then);
    add_both(each_build_that_comes_to_a_path_is_found_in_its_turn);
    add_case(more_modules_than_are_kept_in_mind_are_found);
    add_both(a_worker_refuses_another_build_before_any_of_it_runs);
    add_case(a_worker_refuses_what_is_no_module);
    add_case(a_module_without_build_id_that_was_replaced_is_for_no_worker);
    add_both(a_module_whose_file_is_gone_is_for_no_worker);
    add_case(code_in_no_module_is_for_no_worker);
    add_case(data_is_no_function);
    add_case(to_workers_of_another_program_all_goes_by_file);
    add_both(threads_find_functions_while_modules_come_and_go);
    return run_cases(argc, argv);
}
