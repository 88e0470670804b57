#include "engine/processes/module.h"
#include "base/error.h"
#include "sync/lock.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

struct module {
    uintptr_t base;
    char *path;                                /* as the loader has it: "" is the program itself */
    struct pn_build build;
    struct pn_text text;                       /* the segment that holds the function looked for */
};

static bool same_build(const struct pn_build *a, const struct pn_build *b)
{
    if (a->id_size || b->id_size)
        return a->id_size == b->id_size && !memcmp(a->id, b->id, a->id_size);
    return a->inode && a->inode == b->inode && a->device == b->device && a->size == b->size && a->time_ns == b->time_ns;
}

/* ---- build-ids ---- */

static uint64_t round_up(uint64_t n, uint64_t to) { return (n + to - 1) & ~(to - 1); }

static void read_notes(const unsigned char *at, uint64_t size, uint64_t align, struct pn_build *build)
{
    ElfW(Nhdr) note;
    align = align == 8 ? 8 : 4;
    while (size >= sizeof note) {
        memcpy(&note, at, sizeof note);
        uint64_t desc = round_up(sizeof note + (uint64_t)note.n_namesz, align), end = round_up(desc + note.n_descsz, align);
        if (desc + note.n_descsz > size)
            return;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && !memcmp(at + sizeof note, "GNU", 4)
            && note.n_descsz <= PN_BUILD_ID_MOST) {
            build->id_size = note.n_descsz;
            memcpy(build->id, at + desc, note.n_descsz);
            return;
        }
        if (end >= size)
            return;
        at += end;
        size -= end;
    }
}

static bool is_loaded(const struct dl_phdr_info *in, const ElfW(Phdr) *part)
{
    for (int i = 0; i < in->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &in->dlpi_phdr[i];
        if (p->p_type == PT_LOAD && p->p_flags & PF_R && part->p_vaddr >= p->p_vaddr && part->p_vaddr - p->p_vaddr <= p->p_filesz
            && part->p_filesz <= p->p_filesz - (part->p_vaddr - p->p_vaddr))
            return true;
    }
    return false;
}

/* Of what is loaded, whatever lies on disk by now. */
static void read_loaded_id(const struct dl_phdr_info *in, struct pn_build *build)
{
    for (int i = 0; i < in->dlpi_phnum && !build->id_size; i++) {
        const ElfW(Phdr) *p = &in->dlpi_phdr[i];
        if (p->p_type == PT_NOTE && is_loaded(in, p))
            read_notes((const unsigned char *)(in->dlpi_addr + p->p_vaddr), p->p_filesz, p->p_align, build);
    }
}

static void read_file_id(int fd, struct pn_build *build)
{
    ElfW(Ehdr) head;
    ElfW(Phdr) p;
    unsigned char notes[4096];
    if (pread(fd, &head, sizeof head, 0) != sizeof head || memcmp(head.e_ident, ELFMAG, SELFMAG) || head.e_phentsize != sizeof p)
        return;
    for (unsigned i = 0; i < head.e_phnum && !build->id_size; i++) {
        if (pread(fd, &p, sizeof p, (off_t)(head.e_phoff + i * sizeof p)) != sizeof p)
            return;
        if (p.p_type == PT_NOTE && p.p_filesz <= sizeof notes
            && pread(fd, notes, p.p_filesz, (off_t)p.p_offset) == (ssize_t)p.p_filesz)
            read_notes(notes, p.p_filesz, p.p_align, build);
    }
}

/* ---- files ---- */

static void know_file(const struct stat *st, struct pn_build *build)
{
    build->device = st->st_dev;
    build->inode = st->st_ino;
    build->size = (uint64_t)st->st_size;
    build->time_ns = st->st_mtim.tv_sec * INT64_C(1000000000) + st->st_mtim.tv_nsec;
}

/* The file that is mapped there, as the kernel has it: the loader's path may be relative to where the program was then. */
static bool mapped_file(uintptr_t address, uint64_t *ret_inode, char **ret_path)
{
    FILE *f = fopen("/proc/self/maps", "re");
    char *line = NULL;
    size_t room = 0;
    bool found = false;
    while (f && !found && getline(&line, &room, f) > 0) {
        uintptr_t start, end;
        int path = 0;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %*s %*s %" SCNu64 " %n", &start, &end, ret_inode, &path) != 3
            || address < start || address >= end)
            continue;
        found = true;
        if (ret_path) {
            char *gone = strstr(line + path, " (deleted)\n");
            line[path + (int)strcspn(line + path, "\n")] = '\0';
            if (gone)
                *gone = '\0';
            *ret_path = strdup(line + path);
        }
    }
    free(line);
    if (f)
        (void)fclose(f);
    return found;
}

/* What was loaded is what lies on disk if the inode is the same. The device is not compared: on btrfs and overlayfs, the kernel shows
 * another one for a mapping than stat() does for its file. */
static bool know_by_file(uintptr_t address, const char *path, struct pn_build *build)
{
    struct stat st;
    uint64_t inode = 0;
    if (stat(path, &st) < 0 || !mapped_file(address, &inode, NULL) || inode != st.st_ino)
        return false;
    know_file(&st, build);
    return true;
}

/* ---- what is loaded ---- */

static unsigned long long unloads_of(const struct dl_phdr_info *in, size_t size)
{
    return size >= offsetof(struct dl_phdr_info, dlpi_subs) + sizeof in->dlpi_subs ? in->dlpi_subs : 0;
}

struct search { uintptr_t address; int r; struct module module; unsigned long long unloads; };

static int look_into(struct dl_phdr_info *in, size_t size, void *arg)
{
    struct search *s = arg;
    for (int i = 0; i < in->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &in->dlpi_phdr[i];
        struct pn_text part = { in->dlpi_addr + p->p_vaddr, p->p_memsz };
        if (p->p_type != PT_LOAD || !pn_in_text(&part, s->address))
            continue;
        if (!(p->p_flags & PF_X))
            return 1;
        s->module = (struct module){ .base = in->dlpi_addr, .path = strdup(in->dlpi_name), .text = part };
        s->unloads = unloads_of(in, size);
        s->r = s->module.path ? 0 : -ENOMEM;
        read_loaded_id(in, &s->module.build);
        return 1;
    }
    return 0;
}

static int read_unloads(struct dl_phdr_info *in, size_t size, void *arg)
{
    *(unsigned long long *)arg = unloads_of(in, size);
    return 1;
}

/* ---- what was loaded when the zygote was forked ---- */

struct known { struct module module; const ElfW(Phdr) *phdr; int n_phdr; bool fixed; };

/* Written while there is one thread. */
static struct {
    struct known *module;
    size_t n, room;
    struct pn_text *fixed;                     /* executable parts that are never unloaded, by address */
    size_t n_fixed, fixed_room;
    unsigned long long unloads;
    bool out_of_memory;
} known;

struct pn_text pn_program_text;

static bool make_room(void **list, size_t n, size_t *room, size_t each)
{
    if (n < *room)
        return true;
    size_t more = *room ? *room * 2 : 32;
    void *mem = realloc(*list, more * each);
    if (!mem)
        return false;
    *list = mem;
    *room = more;
    return true;
}

static int remember(struct dl_phdr_info *in, size_t size, void *arg)
{
    void *list = known.module;
    char *path = strdup(in->dlpi_name);
    (void)arg;
    known.unloads = unloads_of(in, size);
    known.out_of_memory = !path || !make_room(&list, known.n, &known.room, sizeof *known.module);
    known.module = list;
    if (known.out_of_memory) {
        free(path);
        return 1;
    }
    struct known *k = &known.module[known.n++];
    *k = (struct known){ .module = { .base = in->dlpi_addr, .path = path }, .phdr = in->dlpi_phdr, .n_phdr = in->dlpi_phnum };
    read_loaded_id(in, &k->module.build);
    return 0;
}

/* The next entry of that kind in the dynamic section, or NULL. */
static const ElfW(Dyn) *dynamic(const struct known *k, const ElfW(Dyn) *after, ElfW(Sxword) tag)
{
    const ElfW(Dyn) *d = after ? after + 1 : NULL;
    for (int i = 0; i < k->n_phdr && !d; i++) {
        if (k->phdr[i].p_type == PT_DYNAMIC)
            d = (const ElfW(Dyn) *)(k->module.base + k->phdr[i].p_vaddr);
    }
    while (d && d->d_tag != DT_NULL && d->d_tag != tag)
        d++;
    return d && d->d_tag == tag ? d : NULL;
}

static const char *text_at(const struct known *k, const ElfW(Dyn) *d)
{
    const ElfW(Dyn) *table = dynamic(k, NULL, DT_STRTAB);
    if (!d || !table)
        return "";
    uintptr_t start = table->d_un.d_ptr;       /* the loader makes an address of the offset, but not on every machine */
    return (const char *)(start < k->module.base ? start + k->module.base : start) + d->d_un.d_val;
}

static bool has_name(const struct known *k, const char *name)
{
    const char *path = k->module.path, *slash = strrchr(path, '/');
    return !strcmp(path, name) || (slash && !strcmp(slash + 1, name)) || !strcmp(text_at(k, dynamic(k, NULL, DT_SONAME)), name);
}

/* What a program is linked with stays as long as it does. The names do not tell for sure that this is such a module; so it is pinned. */
static bool pin(const struct known *k)
{
    struct link_map *map = NULL;
    void *handle = dlopen(k->module.path, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    if (!handle)
        return false;
    bool same = dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map->l_addr == k->module.base;
    (void)dlclose(handle);
    return same;
}

static void fix_with_needed(struct known *k)
{
    k->fixed = true;
    for (const ElfW(Dyn) *d = dynamic(k, NULL, DT_NEEDED); d; d = dynamic(k, d, DT_NEEDED)) {
        size_t i = 0;
        while (i < known.n && !has_name(&known.module[i], text_at(k, d)))
            i++;
        if (i < known.n && !known.module[i].fixed && pin(&known.module[i]))
            fix_with_needed(&known.module[i]);
    }
}

static bool add_fixed(const struct known *k)
{
    for (int i = 0; i < k->n_phdr; i++) {
        const ElfW(Phdr) *p = &k->phdr[i];
        void *list = known.fixed;
        if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
            continue;
        if (!make_room(&list, known.n_fixed, &known.fixed_room, sizeof *known.fixed))
            return false;
        known.fixed = list;
        known.fixed[known.n_fixed] = (struct pn_text){ k->module.base + p->p_vaddr, p->p_memsz };
        if (!*k->module.path && !pn_program_text.size)
            pn_program_text = known.fixed[known.n_fixed];
        known.n_fixed++;
    }
    return true;
}

static int by_address(const void *a, const void *b)
{
    const struct pn_text *s = a, *t = b;
    return s->start < t->start ? -1 : s->start > t->start;
}

static bool holds(const struct known *k, uintptr_t address)
{
    for (int i = 0; i < k->n_phdr; i++) {
        struct pn_text part = { k->module.base + k->phdr[i].p_vaddr, k->phdr[i].p_memsz };
        if (k->phdr[i].p_type == PT_LOAD && pn_in_text(&part, address))
            return true;
    }
    return false;
}

static uintptr_t an_address(const struct known *k)
{
    for (int i = 0; i < k->n_phdr; i++) {
        if (k->phdr[i].p_type == PT_LOAD)
            return k->module.base + k->phdr[i].p_vaddr;
    }
    return 0;
}

static void forget_found(void);

void pn_modules_forget(void)
{
    while (known.n)
        free(known.module[--known.n].module.path);
    known.n_fixed = 0;
    pn_program_text = (struct pn_text){ 0 };
    forget_found();
}

int pn_modules_remember(void)
{
    uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);
    pn_modules_forget();
    (void)dl_iterate_phdr(remember, NULL);
    for (size_t i = 0; i < known.n; i++) {
        struct known *k = &known.module[i];
        if (!*k->module.path)
            fix_with_needed(k);
        k->fixed |= vdso && holds(k, vdso);
    }
    for (size_t i = 0; i < known.n && !known.out_of_memory; i++) {
        struct known *k = &known.module[i];
        if (k->fixed)
            known.out_of_memory = !add_fixed(k);
        else if (!k->module.build.id_size)
            (void)know_by_file(an_address(k), k->module.path, &k->module.build);
    }
    if (known.out_of_memory) {
        pn_modules_forget();
        return pn_error(-ENOMEM, "no memory for the list of loaded modules");
    }
    if (known.n_fixed)
        qsort(known.fixed, known.n_fixed, sizeof *known.fixed, by_address);
    return 0;
}

bool pn_function_is_fixed(void (*fn)(void))
{
    size_t from = 0, to = known.n_fixed;
    while (from < to) {
        size_t mid = (from + to) / 2;
        if (pn_in_text(&known.fixed[mid], (uintptr_t)fn))
            return true;
        if ((uintptr_t)fn < known.fixed[mid].start)
            to = mid;
        else
            from = mid + 1;
    }
    return false;
}

/* The same image as then, so a worker has it. Where nothing was unloaded since, what is at the same place is the same; else only the
 * build tells. */
static bool is_known(struct module *m, unsigned long long unloads)
{
    for (size_t i = 0; i < known.n; i++) {
        const struct module *k = &known.module[i].module;
        if (k->base != m->base || strcmp(k->path, m->path))
            continue;
        if (known.unloads == unloads)
            return true;
        if (!m->build.id_size)
            (void)know_by_file(m->text.start, m->path, &m->build);
        return same_build(&k->build, &m->build);
    }
    return false;
}

/* ---- what was found ---- */

struct found { struct module module; bool plain; };

/* What was found right stays right until a module is unloaded; programs have few modules that come late. */
static struct { struct pn_lock lock; unsigned long long unloads; struct found found[16]; unsigned next; } cache;
enum { N_FOUND = sizeof cache.found / sizeof *cache.found };

static int tell(const struct found *f, uintptr_t address, struct pn_module_ref *ret_ref)
{
    if (f->plain)
        return PN_AT_ADDRESS;
    ret_ref->build = f->module.build;
    ret_ref->offset = address - f->module.base;
    memcpy(ret_ref->path, f->module.path, strlen(f->module.path) + 1);
    return PN_IN_MODULE;
}

/* Under the lock. */
static void empty_cache(unsigned long long unloads)
{
    for (int i = 0; i < N_FOUND; i++)
        free(cache.found[i].module.path);
    memset(cache.found, 0, sizeof cache.found);
    cache.unloads = unloads;
}

static void forget_found(void)
{
    pn_lock(&cache.lock);
    empty_cache(cache.unloads);
    pn_unlock(&cache.lock);
}

/* As pn_function_find, or -ENOENT. */
static int recall(uintptr_t address, unsigned long long unloads, struct pn_module_ref *ret_ref)
{
    int r = -ENOENT;
    pn_lock(&cache.lock);
    if (cache.unloads < unloads)
        empty_cache(unloads);
    for (int i = 0; i < N_FOUND && r == -ENOENT && cache.unloads == unloads; i++) {
        if (pn_in_text(&cache.found[i].module.text, address))
            r = tell(&cache.found[i], address, ret_ref);
    }
    pn_unlock(&cache.lock);
    return r;
}

/* Takes the path over. Another thread may have seen a later unloading: then this is of no use any more. */
static void keep(const struct found *f, unsigned long long unloads)
{
    char *path = f->module.path;
    pn_lock(&cache.lock);
    if (cache.unloads < unloads)
        empty_cache(unloads);
    if (cache.unloads == unloads) {
        struct found *slot = &cache.found[cache.next++ % N_FOUND];
        path = slot->module.path;
        *slot = *f;
    }
    pn_unlock(&cache.lock);
    free(path);
}

/* ---- finding ---- */

static bool means_the_same_elsewhere(const char *path)
{
    return *path == '/' && strncmp(path, "/proc/", 6) && strncmp(path, "/dev/fd/", 8);
}

/* Whatever a worker needs to load it. */
static int find_file(struct module *m)
{
    uint64_t inode;
    char *path = NULL;
    if (!*m->path)
        return pn_error(-EINVAL, "functions of the program itself are not known to workers after prong_init_exec; "
                        "put them into a shared library");
    if (!means_the_same_elsewhere(m->path) && mapped_file(m->text.start, &inode, &path) && path) {
        free(m->path);
        m->path = path;
    }
    if (!means_the_same_elsewhere(m->path) || strlen(m->path) >= PATH_MAX)
        return pn_error(-EINVAL, "%.300s is no file that a worker could load", m->path);
    if (access(m->path, R_OK) < 0)
        return pn_error(-EINVAL, "workers do not have %.300s, and cannot load it: %s", m->path, strerror(errno));
    if (!m->build.id_size && !know_by_file(m->text.start, m->path, &m->build))
        return pn_error(-EINVAL, "%.300s is not what was loaded from there, and workers do not have that; it has no build-id", m->path);
    return 0;
}

static int find_loaded(uintptr_t address, struct pn_module_ref *ret_ref)
{
    struct search s = { .address = address, .r = -EINVAL };
    (void)dl_iterate_phdr(look_into, &s);
    if (s.r == -ENOMEM)
        return pn_error(-ENOMEM, "no memory for the path of a module");
    if (s.r < 0)
        return pn_error(-EINVAL, "%p is no function of a loaded module: workers are other processes, and would not find it",
                        (void *)address);
    struct found f = { .module = s.module };
    f.plain = is_known(&f.module, s.unloads);
    int r = f.plain ? 0 : find_file(&f.module);
    if (r < 0) {
        free(f.module.path);
        return r;
    }
    r = tell(&f, address, ret_ref);
    keep(&f, s.unloads);
    return r;
}

int pn_function_find(void (*fn)(void), struct pn_module_ref *ret_ref)
{
    unsigned long long unloads = 0;
    if (pn_function_is_plain(fn))
        return PN_AT_ADDRESS;
    (void)dl_iterate_phdr(read_unloads, &unloads);
    int r = recall((uintptr_t)fn, unloads, ret_ref);
    return r == -ENOENT ? find_loaded((uintptr_t)fn, ret_ref) : r;
}

static struct pn_places *join_places(const struct pn_module_ref ref[2], const bool has[2])
{
    size_t size = sizeof(struct pn_places) + 4, at[2] = { 0 };       /* aligned to 8 from there on */
    for (int i = 0; i < 2; i++) {
        at[i] = has[i] ? size : 0;
        size += has[i] ? (size_t)round_up(pn_module_ref_size(&ref[i]), 8) : 0;
    }
    struct pn_places *p = calloc(1, size);
    if (!p)
        return NULL;
    p->size = (uint32_t)size;
    for (int i = 0; i < 2; i++) {
        p->at[i] = (uint32_t)at[i];
        if (has[i])
            memcpy((char *)p + at[i], &ref[i], pn_module_ref_size(&ref[i]));
    }
    return p;
}

int pn_functions_find(void (*const fn[2])(void), struct pn_places **ret_places)
{
    struct pn_module_ref ref[2];
    bool has[2];
    *ret_places = NULL;
    if (pn_function_is_plain(fn[0]) && (!fn[1] || pn_function_is_plain(fn[1])))
        return 0;
    for (int i = 0; i < 2; i++) {
        int r = fn[i] ? pn_function_find(fn[i], &ref[i]) : PN_AT_ADDRESS;
        if (r < 0)
            return r;
        has[i] = r == PN_IN_MODULE;
    }
    if (!has[0] && !has[1])
        return 0;
    *ret_places = join_places(ref, has);
    return *ret_places ? 0 : pn_error(-ENOMEM, "no memory to tell workers where a function is");
}

/* ---- loading, in a worker ---- */

struct loaded { struct pn_build build; char *path; uintptr_t base; struct pn_text text; struct loaded *next; };

static struct { struct pn_lock lock; struct loaded *first; } loaded;
enum { BUILDS_MOST = 100 };                    /* of one path in one worker */

__attribute__((constructor)) static void watch_forks(void)
{
    pn_lock_free_at_fork(&cache.lock);
    pn_lock_free_at_fork(&loaded.lock);
}

static uintptr_t find_kept(const struct pn_module_ref *ref)
{
    uintptr_t address = 0;
    pn_lock(&loaded.lock);
    for (const struct loaded *l = loaded.first; l && !address; l = l->next) {
        if (same_build(&l->build, &ref->build) && !strcmp(l->path, ref->path) && pn_in_text(&l->text, l->base + ref->offset))
            address = l->base + ref->offset;
    }
    pn_unlock(&loaded.lock);
    return address;
}

static void keep_loaded(const struct pn_module_ref *ref, const struct module *m)
{
    struct loaded *l = malloc(sizeof *l);
    char *path = strdup(ref->path);
    if (!l || !path) {
        free(l);
        free(path);
        return;                                /* it is looked for again, then */
    }
    *l = (struct loaded){ .build = ref->build, .path = path, .base = m->base, .text = m->text };
    pn_lock(&loaded.lock);
    l->next = loaded.first;
    loaded.first = l;
    pn_unlock(&loaded.lock);
}

/* The address, if the build is the right one and has code there; else 0. */
static uintptr_t look_up(void *handle, const struct pn_module_ref *ref)
{
    struct link_map *map = NULL;
    if (dlinfo(handle, RTLD_DI_LINKMAP, &map) < 0)
        return 0;
    struct search s = { .address = map->l_addr + ref->offset, .r = -EINVAL };
    (void)dl_iterate_phdr(look_into, &s);
    bool right = s.r == 0 && s.module.base == map->l_addr;
    if (right && !s.module.build.id_size)
        (void)know_by_file(s.address, ref->path, &s.module.build);
    right = right && same_build(&s.module.build, &ref->build);
    if (right)
        keep_loaded(ref, &s.module);
    free(s.module.path);
    return right ? s.address : 0;
}

/* Before loading, so that nothing of another build runs. */
static bool is_on_disk(const struct pn_module_ref *ref, char *ret_why, size_t why_size)
{
    struct pn_build build = { 0 };
    struct stat st;
    int fd = open(ref->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        (void)snprintf(ret_why, why_size, "%s: %s", strerror(errno), ref->path);
    } else {
        if (ref->build.id_size)
            read_file_id(fd, &build);
        know_file(&st, &build);
        if (same_build(&build, &ref->build)) {
            (void)close(fd);
            return true;
        }
        (void)snprintf(ret_why, why_size, "the file on disk is another build than the program's: %s", ref->path);
    }
    if (fd >= 0)
        (void)close(fd);
    return false;
}

/* Another name of the same file, in the same folder. */
static bool respell(char *path)
{
    char *last = strrchr(path, '/') + 1;
    if (strlen(path) + 3 > PATH_MAX)
        return false;
    memmove(last + 2, last, strlen(last) + 1);
    memcpy(last, "./", 2);
    return true;
}

/* What a worker has loaded from there before may be another build, and the loader goes by the name first: then the right one is loaded
 * by another name. It stays loaded, as do the others, which may have state in this worker. */
static uintptr_t load(const struct pn_module_ref *ref, char *ret_why, size_t why_size)
{
    char path[PATH_MAX];
    memcpy(path, ref->path, strlen(ref->path) + 1);
    for (int builds = 0; builds < BUILDS_MOST; builds++) {
        bool there = is_on_disk(ref, ret_why, why_size);
        void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | (there ? 0 : RTLD_NOLOAD));
        const char *why = handle ? NULL : dlerror();
        uintptr_t address = handle ? look_up(handle, ref) : 0;
        if (address)
            return address;
        if (handle)
            (void)dlclose(handle);
        else if (there)
            (void)snprintf(ret_why, why_size, "%s", why ? why : "dlopen failed");
        if (!handle || !there)
            return 0;
        if (!respell(path))
            break;
    }
    (void)snprintf(ret_why, why_size, "what is loaded is not the program's build: %s", ref->path);
    return 0;
}

void (*pn_function_load(const struct pn_module_ref *ref, char *ret_why, size_t why_size))(void)
{
    uintptr_t address = find_kept(ref);
    return (void (*)(void))(address ? address : load(ref, ret_why, why_size));
}
